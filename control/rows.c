/* rows: the table of controls.def. */
#include "control/rows.h"
#include "lib/str.h"

/* The words of the table's column of readers. */
enum {
	SMTPD = CONTROL_SMTPD,
	QUEUED = CONTROL_QUEUED,
	SEND = CONTROL_SEND,
	BOUNCE = CONTROL_BOUNCE,
	LOCAL = CONTROL_LOCAL,
	POPUP = CONTROL_POPUP,
	QMTPD = CONTROL_QMTPD,
	QMQPD = CONTROL_QMQPD,
	QMQPC = CONTROL_QMQPC,
	AUTHD = CONTROL_AUTHD,
	INJECT = CONTROL_INJECT,
	REMOTE = CONTROL_REMOTE,
	POLICYD = CONTROL_POLICYD,
	LSPAWN = CONTROL_LSPAWN,
	LATE = CONTROL_LATE,
	ALL = CONTROL_ALL
};

/* Names of files that are no names of C. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): texts */
#define badmailfrom_out badmailfrom-out
#define badmailto_out   badmailto-out
#define tcp_pop3        tcp.pop3
#define tcp_qmqp        tcp.qmqp
#define tcp_qmtp        tcp.qmtp
#define tcp_smtp        tcp.smtp
#define FILE_OF(x)      #x
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

static const struct control_row rows[] = {
#define CONTROL(name, kind, least, most, preset, readers, summary)             \
	{FILE_OF(name), KIND_##kind, (least), (most), (preset),                \
	    (unsigned)(readers) | CONTROL_TOOLS, (summary)},
#include "control/controls.def"
#undef CONTROL
};

static const struct {
	unsigned bit;
	const char *name;
} readers[] = {
    {CONTROL_SMTPD,   "culver-smtpd"  },
    {CONTROL_QUEUED,  "culver-queued" },
    {CONTROL_SEND,    "culver-send"   },
    {CONTROL_BOUNCE,  "culver-bounce" },
    {CONTROL_LOCAL,   "culver-local"  },
    {CONTROL_POPUP,   "culver-popup"  },
    {CONTROL_QMTPD,   "culver-qmtpd"  },
    {CONTROL_QMQPD,   "culver-qmqpd"  },
    {CONTROL_QMQPC,   "culver-qmqpc"  },
    {CONTROL_AUTHD,   "culver-authd"  },
    {CONTROL_INJECT,  "culver-inject" },
    {CONTROL_REMOTE,  "culver-remote" },
    {CONTROL_POLICYD, "culver-policyd"},
    {CONTROL_LSPAWN,  "culver-lspawn" },
};

const struct control_row *
control_row(enum control_id id)
{
	return &rows[id];
}

bool
row_find(struct str name, enum control_id *id)
{
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		if (!str_equal(name, str_of(rows[i].name)))
			continue;
		*id = (enum control_id)i;
		return true;
	}
	return false;
}

const char *
row_reader(const struct control_row *row, size_t n)
{
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
		if ((row->readers & readers[i].bit) != 0 && n-- == 0)
			return readers[i].name;
	return NULL;
}
