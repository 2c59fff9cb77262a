/* plan: see plan.h. */
#include "tests/crash/faultrun/plan.h"

#include "lib/num.h"
#include <signal.h>
#include <string.h>

/* Of the signals that a crash ends in.  0: it is none of them. */
static int
crash_signal(struct str name)
{
	static const struct {
		const char *name;
		int signal;
	} signals[] = {
	    {"SEGV", SIGSEGV},
	    {"BUS",  SIGBUS },
	    {"ABRT", SIGABRT},
	    {"ILL",  SIGILL },
	    {"FPE",  SIGFPE },
	    {"SYS",  SIGSYS },
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (str_equal(name, str_of(signals[i].name)))
			return signals[i].signal;
	return 0;
}

static bool
with_value(struct plan *p, struct str text)
{
	char word[PLAN_WORD];

	p->sticky = str_ends(text, str_of("+"));
	if (p->sticky)
		text.len--;
	if (str_starts(text, str_of("errno="))) {
		p->action = PLAN_ERROR;
		if (!str_copy(word, sizeof(word),
			str_slice(text, strlen("errno="), text.len)))
			return false;
		p->error = call_errno(word);
		return p->error != 0;
	}
	if (str_starts(text, str_of("signal="))) {
		p->action = PLAN_SIGNAL;
		p->signal =
		    crash_signal(str_slice(text, strlen("signal="), text.len));
		return p->signal != 0;
	}
	if (!str_starts(text, str_of("short=")))
		return false;
	p->action = PLAN_SHORT;
	return num_parse(str_slice(text, strlen("short="), text.len),
		   UINT32_MAX, &p->bytes) &&
	       p->bytes > 0;
}

bool
plan_action(struct plan *p, const char *text)
{
	static const struct {
		const char *word;
		enum plan_action action;
	} words[] = {
	    {"count",   PLAN_COUNT  },
	    {"kill",    PLAN_KILL   },
	    {"killall", PLAN_KILLALL},
	    {"cut",     PLAN_CUT    },
	    {"synccut", PLAN_SYNCCUT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, text) == 0) {
			p->action = words[i].action;
			return true;
		}
	return with_value(p, str_of(text));
}

static bool
is_counted(const struct plan *p, const struct entered *e)
{
	enum call_kind kind = call_kind(e);

	if (kind == CALL_UNSEEN)
		return false;
	if (strcmp(p->calls, "all") == 0)
		return true;
	if (strcmp(p->calls, "changing") == 0)
		return kind == CALL_CHANGING;
	return strcmp(p->calls, call_of(e->nr)->name) == 0;
}

bool
plan_hits(struct plan *p, const char *program, const struct entered *e,
    uint64_t *counted)
{
	*counted = 0;
	if (strcmp(p->program, "*") != 0 && strcmp(p->program, program) != 0)
		return false;
	if (is_counted(p, e))
		*counted = ++p->seen;
	if (p->action == PLAN_COUNT)
		return false;
	if (p->nr == -1 && *counted != 0 && *counted == p->at) {
		p->nr = e->nr;
		return true;
	}
	return p->sticky && p->nr == e->nr && call_kind(e) != CALL_UNSEEN;
}
