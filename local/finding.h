/* finding: what culver-lspawn's finding half tells root of a job: whose mail it
 * is.  Over a SEQPACKET pair root sends a delivery (wire/job.h) that lacks home,
 * user, local, dash, ext and domain, and waits for one struct finding, cut behind
 * its packet.  Both are one program: the struct is as it lies in memory. */
#ifndef LOCAL_FINDING_H
#define LOCAL_FINDING_H

#include "wire/job.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FINDING_GROUPS =
	    256, /* an account's groups beyond these are left out */
	FINDING_PATIENCE = 60, /* seconds for the answer */
	FINDING_OWNER = 'Y',   /* the packet is the delivery, now whole */
	FINDING_RESULT = 'R' /* it is a result, not 'K': there is no delivery */
};

struct finding {
	uint32_t letter; /* of the two above */
	uid_t uid;       /* as whom the delivery is to be made */
	gid_t gid;
	uint32_t count;
	gid_t groups[FINDING_GROUPS];
	char packet[JOB_PACKET];
};

enum { FINDING_HEAD = offsetof(struct finding, packet) };

/* What a worker of the pool is kept by: one account, with one set of groups;
 * whoever joins or leaves a group gets another worker. */
uint64_t finding_key(const struct finding *f);

#endif
