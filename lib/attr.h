/* attr: the compiler attributes we use, by our own names. */
#ifndef LIB_ATTR_H
#define LIB_ATTR_H

#define MUST_USE   __attribute__((warn_unused_result))
#define NO_RETURN  __attribute__((noreturn))
#define NULL_ENDED __attribute__((sentinel))
#define UNUSED     __attribute__((unused))

#endif
