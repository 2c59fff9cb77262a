/* peers: nobody takes the places of the suite's own accounts. */
#include "queue/peers.h"

#include "lib/env.h"
#include "lib/home.h"
#include "tests/unit/queue/stage.h"

enum { SMTPD = 101, QUEUE = 102, FILTER = 103, ALIAS = 104, VIRTUAL = 105 };

static struct peers *
real(void)
{
	struct peers *p = calloc(1, sizeof(*p));
	static const struct peers accounts = {
	    .service = {SMTPD, QUEUE, FILTER, ALIAS, VIRTUAL},
	    .kept = {2048,  64,    32,     32,    32     },
	};

	assert_non_null(p);
	*p = accounts;
	return p;
}

/* Add while they are admitted; how many were. */
static size_t
fill(struct peers *p, uid_t uid, size_t most)
{
	static pid_t pid = 1000;
	size_t n = 0;

	while (n < most && peers_admit(p, uid)) {
		peers_add(p, pid++, uid);
		n++;
	}
	return n;
}

static void
an_ordinary_uid_has_its_limit(void **state)
{
	struct peers *p = real();

	assert_int_equal(fill(p, 1000, SIZE_MAX), PEERS_EACH);
	assert_int_equal(fill(p, 0, SIZE_MAX), PEERS_EACH);
	assert_true(peers_admit(p, 1001));
	assert_false(peers_admit(p, 1000));
	peers_remove(p, 1000); /* its first */
	assert_true(peers_admit(p, 1000));
	assert_int_equal(p->count, 2 * PEERS_EACH - 1);
	free(p);
	(void)state;
}

static void
many_uids_leave_the_kept_places(void **state)
{
	const size_t kept = 2048 + 64 + 32 + 32 + 32;
	struct peers *p = real();
	size_t n = 0;

	for (uid_t uid = 1000; uid < 2000; uid++)
		n += fill(p, uid, SIZE_MAX);
	assert_int_equal(n, PEERS_TOTAL - kept);
	assert_int_equal(fill(p, QUEUE, SIZE_MAX), 64);
	assert_int_equal(fill(p, SMTPD, SIZE_MAX), 2048);
	assert_int_equal(fill(p, VIRTUAL, SIZE_MAX), 32);
	assert_int_equal(fill(p, ALIAS, SIZE_MAX), 32);
	assert_int_equal(fill(p, FILTER, SIZE_MAX), 32);
	assert_int_equal(p->count, PEERS_TOTAL);
	free(p);
	(void)state;
}

static void
smtpd_may_have_all_but_the_others_places(void **state)
{
	struct peers *p = real();

	assert_int_equal(fill(p, SMTPD, SIZE_MAX), PEERS_TOTAL - 64 - 3 * 32);
	assert_false(peers_admit(p, 1000));
	assert_true(peers_admit(p, QUEUE));
	assert_true(peers_admit(p, VIRTUAL));
	free(p);
	(void)state;
}

static void
a_private_instance_has_one_uid_and_no_limit(void **state)
{
	struct stage *st = *state;
	struct peers *p = calloc(1, sizeof(*p));
	uid_t own;

	assert_non_null(p);
	if (geteuid() == 0)
		assert_int_equal(chown(".", STAGE_NOBODY, STAGE_NOBODY), 0);
	env_set("CULVER_HOME", st->dir);
	home_enter();
	assert_true(peers_init(p));
	own = p->service[0];
	assert_int_equal(own, home_owner());
	assert_int_equal(peers_service(p, own), PEERS_SMTPD);
	assert_int_equal(peers_service(p, own + 1), PEERS_ORDINARY);
	assert_int_equal(fill(p, own, SIZE_MAX), PEERS_TOTAL);
	free(p);
}

static pid_t seen;

static void
see(pid_t pid)
{
	seen += pid;
}

static void
each_writer_is_told(void **state)
{
	struct peers *p = real();

	peers_add(p, 7, 1000);
	peers_add(p, 8, SMTPD);
	peers_add(p, 9, 1000);
	peers_remove(p, 8);
	peers_remove(p, 4711); /* nobody of ours */
	peers_each(p, see);
	assert_int_equal(seen, 16);
	assert_int_equal(p->count, 2);
	assert_int_equal(p->of_service[PEERS_SMTPD], 0);
	free(p);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ordinary_uid_has_its_limit),
	    cmocka_unit_test(many_uids_leave_the_kept_places),
	    cmocka_unit_test(smtpd_may_have_all_but_the_others_places),
	    STAGED(a_private_instance_has_one_uid_and_no_limit),
	    cmocka_unit_test(each_writer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
