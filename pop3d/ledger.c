/* ledger: two set-associative tables in one map; see ledger.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "pop3d/ledger.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "ledger";
static const char head[16] = "culver ledger 1";

enum { OWNER_ONLY = 0600, SETS = LEDGER_ACCOUNTS / LEDGER_WAYS };
enum { ADDRESS_SETS = LEDGER_ADDRESSES / LEDGER_WAYS };

struct account {
	uint64_t key;
	int64_t period; /* of counts[period % LEDGER_PERIODS], the last */
	uint32_t counts[LEDGER_PERIODS];
};

struct address {
	uint64_t key;
	int64_t seen;
};

struct ledger {
	char head[sizeof(head)];
	struct account accounts[SETS][LEDGER_WAYS];
	struct address addresses[ADDRESS_SETS][LEDGER_WAYS];
};

/* A file of that size; one of another is begun anew. */
static int
open_file(const char *folder)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;
	struct stat st;

	if (dir < 0)
		return -1;
	fd = openat(
	    dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
	fd_close(&dir);
	if (fd >= 0 && (fstat(fd, &st) != 0 ||
			   (st.st_size != (off_t)sizeof(struct ledger) &&
			       (ftruncate(fd, 0) != 0 ||
				   posix_fallocate(fd, 0,
				       (off_t)sizeof(struct ledger)) != 0))))
		fd_close(&fd);
	return fd;
}

enum ledger_result
ledger_open(struct ledger **l, const char *folder)
{
	int fd = open_file(folder), why = errno;
	void *at = mmap(NULL, sizeof(**l), PROT_READ | PROT_WRITE,
	    MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	bool kept = fd >= 0;

	fd_close(&fd);
	*l = NULL;
	if (at == MAP_FAILED)
		return LEDGER_NONE;
	*l = at;
	if (memcmp((*l)->head, head, sizeof(head)) != 0) {
		memset(*l, 0, sizeof(**l));
		memcpy((*l)->head, head, sizeof(head));
	}
	errno = why;
	return kept ? LEDGER_KEPT : LEDGER_LOOSE;
}

void
ledger_close(struct ledger *l)
{
	if (l != NULL)
		(void)munmap(l, sizeof(*l));
}

static uint64_t
key_of(const struct secret *s, const char *purpose, struct str text)
{
	unsigned char mac[SECRET_MAC];
	uint64_t key = 0;

	if (!secret_mac(s, purpose, text, mac))
		return 0;
	memcpy(&key, mac, sizeof(key));
	return key == 0 ? 1 : key;
}

uint64_t
ledger_account(const struct secret *s, struct str address)
{
	return key_of(s, "account", address);
}

uint64_t
ledger_address(const struct secret *s, const struct ip *address)
{
	char text[IP_SIZE];

	ip_format(text, address);
	return key_of(s, "address", str_of(text));
}

/* The row of key, else the one to give up for it. */
static struct account *
find_account(struct ledger *l, uint64_t key)
{
	struct account *set = l->accounts[key % SETS], *oldest = set;

	for (size_t i = 0; i < LEDGER_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 ||
		    (oldest->key != 0 && set[i].period < oldest->period))
			oldest = &set[i];
	}
	return oldest;
}

/* Forget what is past an hour.  A clock that was put back forgets nothing. */
static void
pass_time(struct account *a, int64_t period)
{
	int64_t gone = period - a->period;

	if (gone >= LEDGER_PERIODS || a->period < 0)
		memset(a->counts, 0, sizeof(a->counts));
	else
		for (int64_t i = 1; i <= gone; i++)
			a->counts[(a->period + i) % LEDGER_PERIODS] = 0;
	a->period = period;
}

bool
ledger_take(
    struct ledger *l, uint64_t account, uint32_t n, uint32_t most, int64_t now)
{
	struct account *a = find_account(l, account);
	int64_t period = now < 0 ? 0 : now / LEDGER_SECONDS;
	uint64_t sum = n;

	if (a->key != account)
		*a = (struct account){.key = account, .period = period};
	pass_time(a, period);
	for (size_t i = 0; i < LEDGER_PERIODS; i++)
		sum += a->counts[i];
	if (sum > most)
		return false;
	a->counts[period % LEDGER_PERIODS] += n;
	return true;
}

static struct address *
find_address(struct ledger *l, uint64_t key)
{
	struct address *set = l->addresses[key % ADDRESS_SETS], *oldest = set;

	for (size_t i = 0; i < LEDGER_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 ||
		    (oldest->key != 0 && set[i].seen < oldest->seen))
			oldest = &set[i];
	}
	return oldest;
}

void
ledger_see(struct ledger *l, uint64_t address, int64_t now)
{
	if (address != 0)
		*find_address(l, address) =
		    (struct address){.key = address, .seen = now};
}

/* What was seen in a future that a wrong clock showed was not seen. */
bool
ledger_seen(
    const struct ledger *l, uint64_t address, uint32_t seconds, int64_t now)
{
	const struct address *set = l->addresses[address % ADDRESS_SETS];

	for (size_t i = 0; i < LEDGER_WAYS; i++)
		if (address != 0 && set[i].key == address)
			return set[i].seen <= now &&
			       now - set[i].seen < (int64_t)seconds;
	return false;
}
