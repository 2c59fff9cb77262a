/* capability: what CAPA lists; see capability.h. */
#include "pop3d/capability.h"

/* RFC 2449, 6; RFC 3206 for the last but one.  No EXPIRE: how long messages are
 * kept is not for POP3 to say. */
static const char *const lines[] = {"USER", "TOP", "UIDL", "PIPELINING",
    "RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION culver"};

void
capability_list(struct writer *out)
{
	writer_text(out, "+OK capabilities follow\r\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		writer_text(out, lines[i]);
		writer_text(out, "\r\n");
	}
	writer_text(out, ".\r\n");
}
