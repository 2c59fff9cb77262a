/* report: what became of a delivery, in the words of qmail-local, so that log
 * scripts and people know them. */
#ifndef LOCAL_REPORT_H
#define LOCAL_REPORT_H

#include "lib/str.h"
#include "wire/job.h"

/*      id            letter and text; the code within is the status, too */
#define REPORTS(X)                                                             \
	X(LOOPING, "DThis message is looping: it already has my "              \
		   "Delivered-To line. (#5.4.6)")                              \
	X(NO_MAILBOX, "DSorry, no mailbox here by that name. (#5.1.1)")        \
	X(DISABLED, "DSorry, this mailbox is disabled. (#5.2.1)")              \
	X(DAMAGED, "HThe message's file is damaged: its checksum differs. "    \
		   "(#4.3.0)")                                                 \
	X(HOME_RELATIVE, "ZUh-oh: home directory is not absolute. (#4.3.5)")   \
	X(HOME_WRITABLE, "ZUh-oh: home directory is writable. (#4.7.0)")       \
	X(HOME_OWNER, "ZUh-oh: home directory is somebody else's. (#4.7.0)")   \
	X(HOME_STICKY, "ZHome directory is sticky: user is editing his "       \
		       ".qmail file. (#4.2.1)")                                \
	X(DOT_WRITABLE, "ZUh-oh: .qmail file is writable. (#4.7.0)")           \
	X(DOT_OWNER, "ZUh-oh: .qmail file is somebody else's. (#4.7.0)")       \
	X(DOT_PROGRAM, "ZUh-oh: .qmail of a mailbox has prog delivery but is " \
		       "not root's. (#4.7.0)")                                 \
	X(DOT_BLANK, "ZUh-oh: first line of .qmail file is blank. (#4.2.1)")   \
	X(DOT_NO_FILE, "ZUh-oh: .qmail is not a regular file. (#4.2.1)")       \
	X(DOT_LARGE, "ZUh-oh: .qmail file is too large. (#4.2.1)")             \
	X(DOT_LINE, "ZUh-oh: .qmail has a line that is no instruction. "       \
		    "(#4.2.1)")                                                \
	X(DOT_X_FILE, "ZUh-oh: .qmail has file delivery but has x bit set. "   \
		      "(#4.7.0)")                                              \
	X(DOT_X_PROGRAM, "ZUh-oh: .qmail has prog delivery but has x bit "     \
			 "set. (#4.7.0)")                                      \
	X(MBOX_NO_FILE, "ZUh-oh: mbox is not a regular file. (#4.2.1)")        \
	X(LOCKED, "ZFile has been locked for 30 seconds straight. (#4.3.0)")   \
	X(UNSAFE, "DSorry, this address cannot be given to a program. "        \
		  "(#5.1.3)")                                                  \
	X(NO_MAILDIR, "ZUnable to chdir to maildir. (#4.2.1)")                 \
	X(MAILDIR_BUSY, "ZUnable to search maildir: it keeps changing. "       \
			"(#4.2.1)")                                            \
	X(QUOTA, "ZUnable to write to maildir: disk quota exceeded. "          \
		 "(#4.2.2)")                                                   \
	X(FULL_WAITS, "ZThis mailbox has no room for the message. (#4.2.2)")   \
	X(FULL_REFUSED, "DSorry, this mailbox has no room for the message. "   \
			"(#5.2.2)")                                            \
	X(DISK_FULL, "ZUnable to write to maildir: no space left on the "      \
		     "disk. (#4.3.1)")                                         \
	X(MEMORY, "ZOut of memory. (#4.3.0)")

enum report_id {
#define REPORT_ID(id, text) REPORT_##id,
	REPORTS(REPORT_ID)
#undef REPORT_ID
};

struct report {
	char letter; /* K, Z, D or H */
	char status[JOB_STATUS + 1];
	char text[JOB_TEXT + 1]; /* LF at the end, as qmail-local's */
	char via[JOB_TEXT + 1];
};

/* The report is the row above. */
void report_say(struct report *r, enum report_id id);

/* Letter, status and text; LF is added.  What is too long is cut. */
void report_set(
    struct report *r, char letter, const char *status, const char *text);

/* Z, "Unable to VERB OBJECT: what errno says. (#4.3.0)", or 4.2.1 where the
 * mailbox's owner can mend it; out of memory and full disks have rows. */
void report_errno(struct report *r, const char *verb, struct str object);

#endif
