/* peers: see peers.h. */
#include "queue/peers.h"

static const struct {
	enum account account;
	size_t kept;
} services[PEERS_ORDINARY] = {
#define PEERS_ROW(account, kept) {ACCOUNT_##account, kept},
    PEERS_SERVICES(PEERS_ROW)
#undef PEERS_ROW
};

bool
peers_init(struct peers *p)
{
	*p = (struct peers){0};
	for (size_t i = 0; i < PEERS_ORDINARY; i++) {
		gid_t gid;

		if (!account_find(services[i].account, &p->service[i], &gid))
			return false;
		/* One uid is one service, the first. */
		if (peers_service(p, p->service[i]) == i)
			p->kept[i] = services[i].kept;
	}
	return true;
}

enum peers_service
peers_service(const struct peers *p, uid_t uid)
{
	size_t i = 0;

	while (i < PEERS_ORDINARY && p->service[i] != uid)
		i++;
	return (enum peers_service)i;
}

static size_t
count_of(const struct peers *p, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < PEERS_TOTAL; i++)
		n += p->slots[i].pid != 0 && p->slots[i].uid == uid;
	return n;
}

/* Places kept for services other than this one that they do not use now. */
static size_t
kept_from(const struct peers *p, enum peers_service service)
{
	size_t n = 0;

	for (size_t i = 0; i < PEERS_ORDINARY; i++)
		if (i != service && p->of_service[i] < p->kept[i])
			n += p->kept[i] - p->of_service[i];
	return n;
}

bool
peers_admit(const struct peers *p, uid_t uid)
{
	enum peers_service service = peers_service(p, uid);

	if (service == PEERS_ORDINARY && count_of(p, uid) >= PEERS_EACH)
		return false;
	return p->count + kept_from(p, service) < PEERS_TOTAL;
}

void
peers_add(struct peers *p, pid_t pid, uid_t uid)
{
	enum peers_service service = peers_service(p, uid);

	for (size_t i = 0; i < PEERS_TOTAL; i++)
		if (p->slots[i].pid == 0) {
			p->slots[i].pid = pid;
			p->slots[i].uid = uid;
			p->count++;
			if (service < PEERS_ORDINARY)
				p->of_service[service]++;
			return;
		}
}

void
peers_remove(struct peers *p, pid_t pid)
{
	for (size_t i = 0; i < PEERS_TOTAL; i++)
		if (p->slots[i].pid == pid) {
			enum peers_service service =
			    peers_service(p, p->slots[i].uid);

			p->slots[i].pid = 0;
			p->count--;
			if (service < PEERS_ORDINARY)
				p->of_service[service]--;
			return;
		}
}

void
peers_each(const struct peers *p, void (*each)(pid_t pid))
{
	for (size_t i = 0; i < PEERS_TOTAL; i++)
		if (p->slots[i].pid != 0)
			each(p->slots[i].pid);
}
