/* ring: numbers of things one behind the other, and in a circle.  The links lie
 * in the things; their owner says where. */
#ifndef SEND_RING_H
#define SEND_RING_H

#include <stdbool.h>
#include <stdint.h>

#define RING_NONE UINT32_MAX

struct links {
	uint32_t next, prev;
};

struct ring {
	uint32_t first; /* RING_NONE: empty */
	uint32_t count;
};

typedef struct links *ring_links(const void *owner, uint32_t id);

/* An empty ring. */
void ring_init(struct ring *r);

/* Put id last. */
void ring_add(struct ring *r, ring_links *at, const void *owner, uint32_t id);

/* Put id first. */
void ring_push(struct ring *r, ring_links *at, const void *owner, uint32_t id);

/* Take id out. */
void ring_take(struct ring *r, ring_links *at, const void *owner, uint32_t id);

/* The first becomes the last. */
void ring_turn(struct ring *r, ring_links *at, const void *owner);

#endif
