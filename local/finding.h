/* finding: what culver-lspawn's root and its finding half say to each other.
 *
 * Over a SEQPACKET pair root sends questions: the number of one, an int as it
 * lies in memory, and a delivery (wire/job.h) that lacks home, user, local, dash,
 * ext and domain.  The half answers each with one struct finding, cut behind its
 * packet, in whatever order: who waits for the name service is overtaken by
 * whom the tables know.  Both are one program.
 *
 * Root has FINDING_MOST questions under way, which the sockets have room for, and
 * waits for an answer before it asks one more.  NAMING_MOST of them
 * (local/naming.h) may wait for the name service; a further one is answered at
 * once, that it is to be put off, so that root does not wait for it. */
#ifndef LOCAL_FINDING_H
#define LOCAL_FINDING_H

#include "wire/job.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FINDING_MOST = 32,
	FINDING_PATIENCE = 60, /* seconds for the answer */
	FINDING_OWNER = 'Y',   /* the packet is the delivery, now whole */
	FINDING_RESULT = 'R' /* it is a result, not 'K': there is no delivery */
};

struct finding {
	int number;      /* of the question */
	uint32_t letter; /* of the two above */
	uid_t uid;       /* as whom the delivery is to be made */
	gid_t gid;
	char packet[JOB_PACKET];
};

enum { FINDING_HEAD = offsetof(struct finding, packet) };

#endif
