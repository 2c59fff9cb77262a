/* routing: see routing.h. */
#include "local/routing.h"

#include "control/local.h"
#include "control/nexthop.h"
#include "control/percent.h"
#include "control/tlsrule.h"
#include "lib/address.h"
#include "lib/die.h"
#include "lib/log.h"
#include "wire/users.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 3000 };

void
routing_step(struct routing *r, const char *step, const char *format, ...)
{
	char text[TEXT];
	struct log l = {.len = 0};
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (r->as_json) {
		json_object(&r->json, NULL);
		json_text(&r->json, "step", str_of(step));
		json_text(&r->json, "text", str_of(text));
		json_object_end(&r->json);
		return;
	}
	log_words(&l, text);
	(void)printf("  %-15s %.*s\n", step, (int)l.len, l.line);
}

static enum routing_end
trouble(struct routing *r, const char *step)
{
	routing_step(
	    r, step, "cannot be read: %s; mail waits", strerror(errno));
	return ROUTING_DEFERRED;
}

/* What was done to the address on its way to r->address, and which list it
 * was that made it local: what local_route does, step by step. */
static void
say_rewritten(struct routing *r, struct str asked, enum found f)
{
	struct buf b = {0};
	struct str local, domain;
	bool ok = buf_append_str(&b, asked);

	address_split(asked, &local, &domain);
	if (ok && local.len == asked.len) {
		ok = buf_append_byte(&b, '@') &&
		     buf_append_str(
			 &b, control_line(r->controls, C_envnoathost));
		routing_step(r, "envnoathost", "%.*s", (int)b.len, b.data);
	}
	if (ok && percent_rewrite(r->controls, &b) == FOUND_YES)
		routing_step(r, "percenthack", "%.*s", (int)b.len, b.data);
	if (!ok)
		die_temp("unable to keep an address");
	if (f == FOUND_YES && !str_equal(buf_str(&b), buf_str(&r->address)))
		routing_step(r, "virtualdomains", "%.*s", (int)r->address.len,
		    r->address.data);
	else if (f == FOUND_YES)
		routing_step(r,
		    local_find(r->controls, &b) == FOUND_YES ? "locals"
							     : "users/rcpt.cdb",
		    "the domain is ours");
	buf_free(&b);
}

static enum routing_end
mailbox(struct routing *r, struct str address)
{
	char place[USERS_PATH_SIZE];
	struct user_record u;
	enum found f = users_find(r->owners.rcpt.table, address, &u);

	if (f != FOUND_YES)
		return trouble(r, "users/passwd");
	routing_step(r, "users/passwd", "mailbox %.*s", (int)u.address.len,
	    u.address.data);
	if ((u.flags & USER_DISABLED) != 0) {
		routing_step(r, "refused", "it is disabled");
		return ROUTING_REFUSED;
	}
	if (u.forward.len > 0)
		routing_step(
		    r, "forward", "%.*s", (int)u.forward.len, u.forward.data);
	if ((u.forward.len == 0 || (u.flags & USER_KEEP) != 0) &&
	    users_place(&u, place))
		routing_step(r, "maildir", "%s/", place);
	return ROUTING_DELIVERED;
}

static const char *
found_by(const struct routing *r, const struct owner *w)
{
	if (w->account == &r->owners.assigned)
		return "users/cdb";
	return w->account == &r->owners.alias ? "alias" : "system user";
}

static enum routing_end
deliver_here(struct routing *r)
{
	struct str address = buf_str(&r->address);
	struct owner w;
	enum found f = owner_find(&r->owners, address, &w);

	if (f == FOUND_ERROR)
		return trouble(r, "users");
	if (f == FOUND_NO) {
		routing_step(r, "users/passwd",
		    "Sorry, no mailbox here by that name. (#5.1.1)");
		return ROUTING_REFUSED;
	}
	if (w.account == &r->owners.virtual)
		return mailbox(r, address);
	routing_step(r, found_by(r, &w),
	    "%.*s uid %lu gid %lu home %.*s dash \"%.*s\" ext \"%.*s\"",
	    (int)w.user.len, w.user.data, (unsigned long)w.account->uid,
	    (unsigned long)w.account->gid, (int)w.home.len, w.home.data,
	    (int)w.dash.len, w.dash.data, (int)w.ext.len, w.ext.data);
	return routing_show(r, &w, address);
}

static void
say_source(struct routing *r)
{
	struct nexthop_source s;

	if (nexthop_source(r->controls, r->sender, &s) != FOUND_YES)
		return;
	routing_step(r, "outgoingip", "%s%s%s", s.has4 ? "an IPv4 address" : "",
	    s.has4 && s.has6 ? " and " : "", s.has6 ? "an IPv6 address" : "");
}

static void
say_tls(struct routing *r, const struct nexthop *n)
{
	struct tlsrule rule;

	if (tlsrule_find(r->controls, n->host, &rule) == FOUND_YES)
		routing_step(r, "tlspolicy", "%s", tlsrule_name(rule.level));
}

static enum routing_end
send_away(struct routing *r)
{
	struct str local, domain;
	struct nexthop n;
	enum found f;

	address_split(buf_str(&r->address), &local, &domain);
	f = nexthop_find(r->controls, r->sender, domain, &n);
	if (f == FOUND_ERROR)
		return trouble(r, "smtproutes");
	if (f == FOUND_NO) {
		routing_step(r, "refused",
		    "its domain is none that could be found. (#5.1.2)");
		return ROUTING_REFUSED;
	}
	routing_step(r, n.table == NULL ? "remote" : n.table,
	    "%s%s port %u%s%s%s", n.mx ? "exchangers of " : "", n.host, n.port,
	    n.lmtp ? " by LMTP" : "", n.tls ? " TLS at once" : "",
	    n.user.len > 0 ? " with a login" : "");
	say_tls(r, &n);
	say_source(r);
	return ROUTING_DELIVERED;
}

static void
begin(struct routing *r, struct str address, enum found f)
{
	struct log l = {.len = 0};
	char text[TEXT];

	if (!r->as_json) {
		(void)str_copy(text, sizeof(text), address);
		log_words(&l, text);
		(void)printf("%.*s\n", (int)l.len, l.line);
		return;
	}
	json_object(&r->json, NULL);
	json_text(&r->json, "address", address);
	json_text(&r->json, "recipient", buf_str(&r->address));
	json_text(&r->json, "channel",
	    str_of(f == FOUND_YES  ? "local"
		   : f == FOUND_NO ? "remote"
				   : "unknown"));
	json_list(&r->json, "steps");
}

static void
finish(struct routing *r, enum routing_end end)
{
	json_list_end(&r->json);
	json_text(&r->json, "end",
	    str_of(end == ROUTING_DELIVERED ? "delivered"
		   : end == ROUTING_REFUSED ? "refused"
					    : "deferred"));
	json_object_end(&r->json);
}

enum routing_end
routing_of(struct routing *r, struct str address)
{
	enum routing_end end;
	enum found f;

	f = local_route(
	    r->controls, r->owners.rcpt.table, address, &r->address);
	begin(r, address, f);
	say_rewritten(r, address, f);
	if (f == FOUND_ERROR)
		end = trouble(r, "control");
	else
		end = f == FOUND_YES ? deliver_here(r) : send_away(r);
	if (r->as_json)
		finish(r, end);
	return end;
}
