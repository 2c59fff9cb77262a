/* deliver: one delivery, from the packet of culver-lspawn to its report. */
#ifndef LOCAL_DELIVER_H
#define LOCAL_DELIVER_H

#include "control/control.h"
#include "local/folders.h"
#include "local/report.h"
#include "wire/body.h"
#include "wire/job.h"
#include "wire/submit.h"
#include "wire/users.h"

/* What a worker keeps from delivery to delivery. */
struct deliverer {
	struct controls *controls; /* of CONTROL_LOCAL */
	struct submit submit; /* for forwards; HOME is the current folder */
	struct body body;
	struct users rcpt;
	struct folders homes, boxes; /* opened before */
};

/* Deliver the message open as fd, as d says; *r is what became of it.  The
 * caller closes fd. */
void deliver(
    struct deliverer *l, const struct delivery *d, int fd, struct report *r);

#endif
