/* connection: what a UCSPI server says of the one it accepted; see
 * listener.h. */
#include "lib/listener.h"

#include "lib/crew.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <sys/socket.h>

static bool
from_environment(
    const char *ip_name, const char *port_name, struct ip *a, uint16_t *port)
{
	struct str ip = env_get(ip_name), text = env_get(port_name);
	uint64_t n = 0;

	if (ip.data == NULL || !ip_parse(ip, a))
		return false;
	if (text.data == NULL || !num_parse(text, UINT16_MAX, &n))
		n = 0;
	*port = (uint16_t)n;
	return true;
}

static bool
from_socket(int (*ask)(int, struct sockaddr *, socklen_t *), struct ip *a,
    uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return ask(0, (struct sockaddr *)&ss, &len) == 0 &&
	       ip_from_sockaddr((struct sockaddr *)&ss, a, port);
}

void
connection_from_ucspi(struct connection *c)
{
	*c = (struct connection){.in_fd = 0, .out_fd = 1, .listener_fd = -1};
	if (!from_environment(
		"TCPREMOTEIP", "TCPREMOTEPORT", &c->remote, &c->remote_port))
		(void)from_socket(getpeername, &c->remote, &c->remote_port);
	if (!from_environment(
		"TCPLOCALIP", "TCPLOCALPORT", &c->local, &c->local_port))
		(void)from_socket(getsockname, &c->local, &c->local_port);
}

/* A listener that is gone limits nobody; the worker ends after this. */
bool
connection_recount(const struct connection *c)
{
	struct claim claim = {.what = CREW_CLAIM, .client = c->remote};
	char answer = CREW_YES;
	int fd = -1;

	if (c->listener_fd < 0 ||
	    !sock_send(c->listener_fd, &claim, sizeof(claim), -1))
		return true;
	if (sock_receive(c->listener_fd, &answer, 1, &fd) != 1)
		return true;
	fd_close(&fd);
	return answer == CREW_YES;
}
