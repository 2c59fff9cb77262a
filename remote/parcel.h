/* parcel: what one job sends: the message, and who it is from and for, with
 * what the envelope says of each (RFC 3461, 8BITMIME, SMTPUTF8, REQUIRETLS). */
#ifndef REMOTE_PARCEL_H
#define REMOTE_PARCEL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "remote/outgoing.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stdint.h>

enum addressee_state {
	ADDRESSEE_WAITING,  /* no transaction had it yet */
	ADDRESSEE_ACCEPTED, /* in the transaction at hand */
	ADDRESSEE_TAKEN, /* the message was taken for it; it has no result yet */
	ADDRESSEE_DONE   /* it has its result */
};

struct addressee {
	uint32_t number;
	struct str address;       /* of the errand */
	struct str path;          /* as SMTP says it, without < and > */
	struct str notify, orcpt; /* as the envelope has them, or empty */
	bool wide; /* the local part is not ASCII: SMTPUTF8 is needed */
	enum addressee_state state;
};

/* Where in a message's envelope a recipient's records begin: the next errand of
 * a message of very many goes on there. */
struct parcel_place {
	bool known;
	unsigned char token[QUEUE_TOKEN];
	uint64_t at; /* in the file */
	uint64_t number;
};

struct parcel {
	struct parcel_place place; /* all zero before the first parcel_open */
	struct outgoing outgoing;
	struct str sender;
	struct str sender_path;
	bool sender_wide;
	struct str ret, envid; /* as the envelope has them, or empty */
	bool utf8;             /* U: the client said SMTPUTF8 */
	bool requiretls;       /* Q */
	bool tls_optional; /* its header says TLS-Required: No (RFC 8689, 3) */
	uint32_t count;
	struct addressee to[JOB_RECIPIENTS];
	struct buf texts; /* what the views point into */
};

enum parcel_result {
	PARCEL_OK,
	PARCEL_SENDER, /* SMTP cannot say the sender */
	PARCEL_MEMORY,
	PARCEL_READ /* errno: the file cannot be read, or its envelope */
};

/* All that e says, of the message open as fd, which stays the caller's.  A
 * recipient that SMTP cannot say has an empty path.  e's texts must outlive p.
 * Free with parcel_free, whatever the result. */
MUST_USE enum parcel_result parcel_open(
    struct parcel *p, const struct errand *e, int fd);

/* Free its memory. */
void parcel_free(struct parcel *p);

/* Recipients in this state. */
uint32_t parcel_count(const struct parcel *p, enum addressee_state state);

/* The recipient's sender asked to hear of success. */
bool parcel_wants_success(const struct addressee *a);

#endif
