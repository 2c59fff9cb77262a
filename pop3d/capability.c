/* capability: what CAPA lists; see capability.h. */
#include "pop3d/capability.h"

/* RFC 2449, 6; RFC 3206; RFC 6856.  NEVER: nothing is removed but by DELE.  No
 * LOGIN-DELAY: only who fails has to wait. */
static const char *const lines[] = {"USER", "TOP", "UIDL", "PIPELINING",
    "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "UTF8 USER", "LANG",
    "IMPLEMENTATION culver"};

void
capability_list(struct writer *out, bool sasl)
{
	writer_text(out, "+OK capabilities follow\r\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		writer_text(out, lines[i]);
		writer_text(out, "\r\n");
	}
	if (sasl)
		writer_text(out, "SASL PLAIN LOGIN\r\n");
	writer_text(out, ".\r\n");
}
