/* usage: what every program answers to --help and --version. */
#ifndef LIB_USAGE_H
#define LIB_USAGE_H

/* Where the first argument is --help, print text (usage, options, an example;
 * whole lines) and exit 0; where it is --version, print "culver VERSION" and
 * exit 0; 111 when that cannot be written.  Else return.  A main calls it
 * first, before anything can fail. */
void usage_answer(int argc, char *const *argv, const char *text);

#endif
