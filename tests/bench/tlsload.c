/* tlsload: many short connections with TLS to a mail server on 127.0.0.1.
 *
 *   tlsload -P PORT -n N -c C [-r] [-2] smtp SENDER RECIPIENT BYTES
 *   tlsload -P PORT -n N -c C [-r] [-2] pop3s USER PASSWORD
 *
 * C processes share N connections.  smtp: STARTTLS, one message, QUIT.  pop3s:
 * TLS at once, USER, PASS, STAT, QUIT.  -r: each process goes on with the
 * session of its connection before, where the server gives one; else every
 * handshake is whole.  -2: TLS 1.2.  Prints one line of key=value.
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 4096 };

/* What all processes count together. */
struct sums {
	unsigned long resumed;
	char cipher[128];
};

static struct load {
	int port, count, at_once, only;
	bool resume, smtp;
	const char *words[3]; /* what the scenario is told */
	char *message;
	size_t message_len;
	SSL_CTX *context;
	SSL_SESSION *session;
	struct sums *sums;
} load = {.count = 1000, .at_once = 10};

struct talk {
	int fd;
	SSL *ssl; /* NULL: in the clear */
	size_t have;
	char data[LINE];
};

static void
die(const char *what)
{
	perror(what);
	exit(111);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
dial(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)load.port)};
	int one = 1, fd;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int tries = 0; tries < 100; tries++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			die("socket");
		if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
			(void)setsockopt(
			    fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			return fd;
		}
		(void)close(fd);
		(void)usleep(10000);
	}
	die("connect");
	return -1;
}

static void
put(struct talk *t, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = t->ssl != NULL ? SSL_write(t->ssl, data, (int)n)
					   : write(t->fd, data, n);

		if (w <= 0)
			die("write");
		data += w;
		n -= (size_t)w;
	}
}

static void
get(struct talk *t)
{
	size_t room = sizeof t->data - t->have - 1;
	ssize_t n = t->ssl != NULL
			? SSL_read(t->ssl, t->data + t->have, (int)room)
			: read(t->fd, t->data + t->have, room);

	if (n <= 0)
		die("the server has gone");
	t->have += (size_t)n;
	t->data[t->have] = '\0';
}

/* The last line of an answer, which must begin so. */
static void
expect(struct talk *t, const char *start)
{
	for (;;) {
		char *end = memchr(t->data, '\n', t->have);
		size_t n;
		bool more;

		if (end == NULL) {
			get(t);
			continue;
		}
		n = (size_t)(end - t->data) + 1;
		more = load.smtp && n > 3 && t->data[3] == '-';
		if (!more && strncmp(t->data, start, strlen(start)) != 0) {
			(void)fprintf(stderr, "expected %s, got %.*s", start,
			    (int)n, t->data);
			exit(111);
		}
		memmove(t->data, end + 1, t->have - n);
		t->have -= n;
		if (!more)
			return;
	}
}

__attribute__((format(printf, 3, 4))) static void
say(struct talk *t, const char *answer, const char *format, ...)
{
	char line[LINE];
	va_list a;
	int n;

	va_start(a, format);
	n = vsnprintf(line, sizeof line, format, a);
	va_end(a);
	put(t, line, (size_t)n);
	expect(t, answer);
}

static int
keep(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(load.session);
	load.session = s;
	return 1;
}

static void
secure(struct talk *t)
{
	t->ssl = SSL_new(load.context);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, t->fd) != 1)
		die("TLS");
	if (load.resume && load.session != NULL)
		(void)SSL_set_session(t->ssl, load.session);
	if (SSL_connect(t->ssl) != 1)
		die("handshake");
	if (SSL_session_reused(t->ssl))
		__atomic_fetch_add(&load.sums->resumed, 1, __ATOMIC_RELAXED);
	(void)snprintf(load.sums->cipher, sizeof load.sums->cipher, "%s,%s",
	    SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
}

static void
send_one(struct talk *t)
{
	expect(t, "220");
	say(t, "250", "EHLO client.example\r\n");
	say(t, "220", "STARTTLS\r\n");
	secure(t);
	say(t, "250", "EHLO client.example\r\n");
	say(t, "250", "MAIL FROM:<%s>\r\n", load.words[0]);
	say(t, "250", "RCPT TO:<%s>\r\n", load.words[1]);
	say(t, "354", "DATA\r\n");
	put(t, load.message, load.message_len);
	expect(t, "250");
	say(t, "221", "QUIT\r\n");
}

static void
look_once(struct talk *t)
{
	secure(t);
	expect(t, "+OK");
	say(t, "+OK", "USER %s\r\n", load.words[0]);
	say(t, "+OK", "PASS %s\r\n", load.words[1]);
	say(t, "+OK", "STAT\r\n");
	say(t, "+OK", "QUIT\r\n");
}

static void
run(int from)
{
	static struct talk t;

	for (int i = from; i < load.count; i += load.at_once) {
		t = (struct talk){.fd = dial()};
		if (load.smtp)
			send_one(&t);
		else
			look_once(&t);
		(void)SSL_shutdown(t.ssl);
		SSL_free(t.ssl);
		(void)close(t.fd);
	}
	_exit(0);
}

/* Lines of 64 bytes, a short head, a dot. */
static void
make_message(size_t size)
{
	static const char head[] =
	    "From: <src@bench.example>\r\nSubject: bench\r\n\r\n";
	size_t at = sizeof head - 1;

	load.message = malloc(size + 256);
	if (load.message == NULL)
		die("memory");
	memcpy(load.message, head, at);
	for (; at < size; at += 64) {
		memset(load.message + at, 'x', 62);
		memcpy(load.message + at + 62, "\r\n", 2);
	}
	memcpy(load.message + at, ".\r\n", 3);
	load.message_len = at + 3;
}

static void
prepare(void)
{
	load.context = SSL_CTX_new(TLS_client_method());
	if (load.context == NULL)
		die("TLS");
	SSL_CTX_set_session_cache_mode(
	    load.context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(load.context, keep);
	if (load.only != 0 &&
	    SSL_CTX_set_max_proto_version(load.context, load.only) != 1)
		die("version");
	load.sums = mmap(NULL, sizeof *load.sums, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load.sums == MAP_FAILED)
		die("memory");
}

/* Anything else is asked wrongly. */
static int
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < 0 || n > INT_MAX)
		exit(100);
	return (int)n;
}

static void
take_arguments(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "P:n:c:r2")) != -1)
		switch (letter) {
		case 'P':
			load.port = number(optarg);
			break;
		case 'n':
			load.count = number(optarg);
			break;
		case 'c':
			load.at_once = number(optarg);
			break;
		case 'r':
			load.resume = true;
			break;
		case '2':
			load.only = TLS1_2_VERSION;
			break;
		default:
			exit(100);
		}
	load.smtp = optind < argc && strcmp(argv[optind], "smtp") == 0;
	if (argc - optind != (load.smtp ? 4 : 3) || load.port == 0)
		exit(100);
	for (int i = optind + 1; i < argc; i++)
		load.words[i - optind - 1] = argv[i];
	if (load.smtp)
		make_message((size_t)number(load.words[2]));
}

int
main(int argc, char **argv)
{
	double start;
	int status, failed = 0;

	take_arguments(argc, argv);
	prepare();
	start = now();
	for (int i = 0; i < load.at_once; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			run(i);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	start = now() - start;
	(void)printf("connections=%d at_once=%d secs=%.3f per_s=%.1f "
		     "resumed=%lu tls=%s failed_workers=%d\n",
	    load.count, load.at_once, start, load.count / start,
	    load.sums->resumed, load.sums->cipher, failed);
	return failed == 0 ? 0 : 111;
}
