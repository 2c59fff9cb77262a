/* desk: what culver-keyd answers, and what it never signs. */
#include "keyd/desk.h"

#include "lib/frame.h"
#include "tests/unit/keyd/cards.h"
#include "wire/key.h"

/* The answer to a request; its payload is in out. */
static char
ask(struct desk *d, const struct key_request *r, struct buf *out)
{
	struct buf request = {0}, answer = {0};
	struct frame f;
	size_t used;
	char letter;

	assert_true(key_write(&request, r));
	assert_int_equal(frame_take(&request, &f, &used), FRAME_OK);
	assert_true(desk_answer(d, 0, f.kind, f.payload, &answer));
	assert_int_equal(frame_take(&answer, &f, &used), FRAME_OK);
	buf_clear(out);
	assert_true(buf_append_str(out, f.payload));
	letter = f.kind;
	buf_free(&request);
	buf_free(&answer);
	return letter;
}

/* What a server of TLS 1.3 signs. */
static struct str
handshake(char *out)
{
	static const char words[] = "TLS 1.3, server CertificateVerify";

	memset(out, ' ', 64);
	memcpy(out + 64, words, sizeof words);
	memset(out + 64 + sizeof words, 'h', 32);
	return (struct str){out, 64 + sizeof words + 32};
}

static void
it_signs_handshakes_and_nothing_else(void **state)
{
	struct desk d = {.store = store_new(folder.fd)};
	char text[KEY_MESSAGE];
	struct key_request r = {
	    .letter = 'S', .scheme = 0x0403, .message = handshake(text)};
	struct buf out = {0};
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const struct credential *c;

	(void)state;
	write_card("servercert.pem", "default");
	assert_int_equal(ask(&d, &r, &out), 'N'); /* no such key */
	c = store_find(d.store, str_of(""));
	assert_non_null(c);
	memcpy(r.hash, c->hash, sizeof r.hash);
	assert_int_equal(ask(&d, &r, &out), 'S');
	assert_int_equal(
	    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, c->key), 1);
	assert_int_equal(
	    EVP_DigestVerify(md, (const unsigned char *)out.data, out.len,
		(const unsigned char *)r.message.data, r.message.len),
	    1);
	r.scheme = 0x0804; /* of RSA */
	assert_int_equal(ask(&d, &r, &out), 'N');
	r.scheme = 0x0203; /* SHA-1 */
	assert_int_equal(ask(&d, &r, &out), 'N');
	r.scheme = 0x0403;
	r.message = str_of("from:to:subject:date");
	assert_int_equal(ask(&d, &r, &out), 'N');
	assert_int_equal(out.len, 0);
	EVP_MD_CTX_free(md);
	drop_file("servercert.pem");
	store_free(d.store);
	buf_free(&out);
}

static void
it_gives_certificates_and_says_where_there_are_none(void **state)
{
	struct desk d = {.store = store_new(folder.fd)};
	struct key_request r = {.letter = 'C', .name = str_of("a.example.org")};
	struct buf out = {0};

	(void)state;
	assert_int_equal(ask(&d, &r, &out), 'N');
	write_card("tls/a.example.org.pem", "a.example.org");
	assert_int_equal(ask(&d, &r, &out), 'C');
	assert_true(out.len > 300);
	drop_file("tls/a.example.org.pem");
	store_free(d.store);
	buf_free(&out);
}

static void
what_is_no_request_is_answered_with_no(void **state)
{
	static const struct {
		char letter;
		const char *payload;
	} rows[] = {
	    {'C', "../../etc/passwd"},
	    {'K', ""                },
	    {'S', "short"           },
	};
	struct desk d = {.store = store_new(folder.fd)};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};

		assert_true(desk_answer(
		    &d, 0, rows[i].letter, str_of(rows[i].payload), &out));
		assert_int_equal(out.len, FRAME_HEAD);
		assert_int_equal(out.data[FRAME_HEAD - 1], 'N');
		buf_free(&out);
	}
	store_free(d.store);
}

/* What one door may open another door's client cannot use. */
static void
each_door_has_keys_of_tickets_of_its_own(void **state)
{
	struct desk d = {.listening = -1};
	struct buf out[3] = {{0}, {0}, {0}};

	(void)state;
	assert_true(desk_answer(&d, 0, 'T', str_of(""), &out[0]));
	assert_true(desk_answer(&d, 1, 'T', str_of(""), &out[1]));
	assert_true(desk_answer(&d, 0, 'T', str_of(""), &out[2]));
	assert_int_equal(out[0].len, FRAME_HEAD + KEY_TICKETS);
	assert_int_equal(out[1].len, out[0].len);
	/* All but the seconds. */
	assert_memory_equal(out[0].data, out[2].data, out[0].len - 4);
	assert_memory_not_equal(out[0].data + FRAME_HEAD,
	    out[1].data + FRAME_HEAD, sizeof(struct tls_ticket_key));
	for (size_t i = 0; i < COUNT(out); i++)
		buf_free(&out[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_signs_handshakes_and_nothing_else),
	    cmocka_unit_test(
		it_gives_certificates_and_says_where_there_are_none),
	    cmocka_unit_test(what_is_no_request_is_answered_with_no),
	    cmocka_unit_test(each_door_has_keys_of_tickets_of_its_own),
	};

	return cmocka_run_group_tests(tests, folder_open, folder_close);
}
