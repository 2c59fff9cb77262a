/* capability: what CAPA lists; see capability.h. */
#include "pop3d/capability.h"

/* RFC 2449, 6; RFC 3206; RFC 6856.  NEVER: nothing is removed but by DELE.  No
 * LOGIN-DELAY: only who fails has to wait. */
static const char *const lines[] = {"TOP", "UIDL", "PIPELINING", "RESP-CODES",
    "AUTH-RESP-CODE", "EXPIRE NEVER", "UTF8 USER", "LANG",
    "IMPLEMENTATION culver"};

static void
line(struct writer *out, const char *text)
{
	writer_text(out, text);
	writer_text(out, "\r\n");
}

void
capability_list(struct writer *out, struct str sasl, unsigned also)
{
	line(out, "+OK capabilities follow");
	if ((also & CAPABLE_USER) != 0)
		line(out, "USER");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		line(out, lines[i]);
	if (sasl.len > 0) {
		writer_text(out, "SASL ");
		writer_str(out, sasl);
		writer_text(out, "\r\n");
	}
	if ((also & CAPABLE_STLS) != 0)
		line(out, "STLS");
	line(out, ".");
}
