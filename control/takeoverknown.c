/* takeover: the files of control/ that qmail's patches, forks and neighbours
 * read and that are no controls of ours, and controls that mean a little
 * more. */
#include "control/takeover.h"

#include <fnmatch.h>
#include <string.h>

struct word {
	const char *name, *what;
};

/* The first pattern that fits counts. */
static const struct word known[] = {
  /* Of qmail itself. */
    {"badmailfrom",
     "there is no list of unwanted senders yet; their mail is taken"                },
    {"localiphost",
     "addresses at [our address] are taken as they stand in rcpthosts and "
	"locals: write [192.0.2.1] there"					   },
 /* TLS, as of the patch of inoa.net and s/qmail. */
    {"clientcert.pem",        "no certificate is shown to other hosts"              },
    {"clientca.pem",          "clients log in by AUTH, not by certificates"         },
    {"clientcrl.pem",         "clients log in by AUTH, not by certificates"         },
    {"tlsclients",            "clients log in by AUTH, not by certificates"         },
    {"tlsserverciphers",      "TLS 1.2 and 1.3 with the ciphers of today"           },
    {"tlsclientciphers",      "TLS 1.2 and 1.3 with the ciphers of today"           },
    {"tlsserverciphersuites", "TLS 1.2 and 1.3 with the ciphers of today"           },
    {"tlsclientmethod",       "TLS 1.2 and 1.3"                                     },
    {"tlsservermethod",       "TLS 1.2 and 1.3"                                     },
    {"rsa512.pem",            "no such key is used any more"                        },
    {"dh*.pem",               "no such parameters are used any more"                },
    {"servercerts",           "put each NAME/servercert.pem there into "
		    "control/tls/NAME.pem"                       },
    {"tlshosts",              "write a line into tlspolicy for each host: "
		 "culver-tlspolicy(5)"                              },
    {"notlshosts",            "write DOMAIN:none lines into tlspolicy"              },
    {"tlsdestinations",       "write its lines into tlspolicy"                      },
    {"tlsadomains",           "DANE is used wherever a domain publishes it"         },
    {"domaincerts",           "no certificate is shown to other hosts"              },
 /* Who may send, and as whom. */
    {"mailfromrules",         "write them into senderlogin, with 1 in "
		      "forceauthfrom"                          },
    {"relaymailfrom",         "a sender is no proof; let them log in by AUTH"       },
    {"rejectrelaytest",       "addresses with % or ! are taken only where "
			"percenthack says so"                },
 /* Who is refused at the door. */
    {"badmailfrom*",          "there is no list of unwanted senders yet"            },
    {"badrcptto*",            "there is no list of unwanted recipients yet"         },
    {"badhelo*",              "there is no list of unwanted names yet"              },
    {"badmailto*",            "there is no list of unwanted recipients yet"         },
    {"badext*",               "there is no list of unwanted recipients yet"         },
    {"badmimetypes*",         "attachments are a scanner's business"                },
    {"badloadertypes*",       "attachments are a scanner's business"                },
    {"validrcptto*",          "recipients are checked without a list: usercheck"    },
    {"morevalidrcptto*",      "recipients are checked without a list: usercheck"    },
    {"goodrcptto*",           "recipients are checked without a list: usercheck"    },
    {"recipients*",           "recipients are checked without a list: usercheck"    },
    {"rcptchecks",            "recipients are checked without a list: usercheck"    },
    {"chkuser*",              "recipients are checked without a list: usercheck"    },
    {"tarpit*",               "brtlimit slows down who guesses recipients"          },
    {"maxrecipients",         "maxrcpt"					     },
    {"maxcmdlen",             "lines are bounded as RFC 5321 says"                  },
    {"dnsbl*",		"DNS lists are not asked yet"                         },
    {"rbl*",		  "DNS lists are not asked yet"                         },
    {"mfcheck",               "the sender's domain is not looked up yet"            },
    {"mfdnscheck",            "the sender's domain is not looked up yet"            },
    {"rejectnullsenders",     "bounces are mail that others send us"                },
    {"spf*",		  "SPF is not checked yet"                              },
    {"surbl*",		"a scanner's business"                                },
    {"level*-tlds",           "a scanner's business"                                },
    {"cachelifetime",         "a scanner's business"                                },
    {"greydelay",             "there is no greylist yet"                            },
    {"srs*",		  "forwarded mail keeps its sender; there is no SRS yet"},
    {"batv*",		 "bounces are told by their own address"               },
 /* Signatures. */
    {"domainkeys",            "mail is not signed yet"                              },
    {"dkim*",		 "mail is not signed yet"                              },
    {"signaturedomains",      "mail is not signed yet"                              },
    {"nosignaturedomains",    "mail is not signed yet"                              },
    {"filterargs",            "programs run from .qmail files; there are no "
		   "filters yet"				  },
    {"authservid",            "no Authentication-Results are written yet"           },
 /* Queue and delivery. */
    {"bouncemessage",         "bounces have the text of RFC 3464, qmail's first"    },
    {"bouncesubject",         "bounces have the text of RFC 3464, qmail's first"    },
    {"concurrencysuppl*",     "each destination has a lane of its own: lanemax"     },
    {"suppls*",               "each destination has a lane of its own: lanemax"     },
    {"domainqueue",           "each destination has a lane of its own: lanemax"     },
    {"ratelimit*",            "lanerate"					    },
    {"holdlocal",             "0 in concurrencylocal holds all"                     },
    {"holdremote",            "0 in concurrencyremote holds all"                    },
    {"todointerval",          "new mail is delivered as it comes"                   },
    {"qmtproutes",            "mail leaves by SMTP and LMTP; write them into "
		   "smtproutes"				   },
    {"bindroutes",            "a source address goes by the sender: outgoingip"     },
    {"domainbindings",        "write its lines into outgoingip"                     },
    {"domainips",             "write its lines into outgoingip"                     },
    {"moreipme",              "a host that answers with our own name ends a loop"   },
    {"notipme",               "a host that answers with our own name ends a loop"   },
    {"taps",		  "copies are not made yet"                             },
    {"mailarchive",           "copies are not made yet"                             },
    {"extraqueue",            "copies are not made yet"                             },
    {"etrnhosts",             "there is no ETRN"				    },
    {"quotawarn*",            "a warning is written by culver-local's quota"        },
 /* Hooks. */
    {"smtpplugins",           "plugins of qmail-spp are not run"                    },
    {"qfilters",              "QMAILQUEUE, in tcp.smtp, may name a filter"          },
    {"simcontrol*",           "QMAILQUEUE, in tcp.smtp, may name simscan"           },
    {"simversions*",          "QMAILQUEUE, in tcp.smtp, may name simscan"           },
    {"qhpsi",		 "QMAILQUEUE, in tcp.smtp, may name a scanner"         },
    {"accesslist*",           "write it into tcp.smtp"                              },
    {"hostaccess*",           "write it into tcp.smtp"                              },
    {"*.envrules",            "settings by client stand in tcp.smtp"                },
 /* Of the neighbours: vpopmail, qmailadmin, ezmlm, fastforward, plesk. */
    {"vpopmail*",             "its mailboxes: culver user import"                   },
    {"sql",		   "its mailboxes: culver user import"                   },
    {"aliases*",              "fastforward's own; a .qmail file may still name it"  },
    {"mysql*",		"tables come from texts: culver user import"          },
    {"tcp.*",		 "tables of tcprules are made by culver control build" },
    {"conf-*",		"what qmail was built with"                           },
 /* What people leave. */
    {"*~",		    "looks like a backup"				 },
    {"*.bak",		 "looks like a backup"                                 },
    {"*.orig",		"looks like a backup"                                 },
    {"*.old",		 "looks like a backup"                                 },
    {".*",		    "looks like a backup"				 },
    {"README*",               "a text for people"				   },
};

static const struct word meanings[] = {
    {"concurrencyremote",
     "one destination has lanemax of them at most, and lanereserve keeps "
	"some for others"						      },
    {"concurrencylocal",  "lanereserve keeps some of them for others"          },
    {"queuelifetime",     "a message that is older is tried twice all the same"},
    {"brtlimit",          "from half of them on a client waits for each answer"},
};

const char *
takeover_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (fnmatch(known[i].name, name, 0) == 0)
			return known[i].what;
	return NULL;
}

const char *
takeover_meaning(const char *name)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(meanings[i].name, name) == 0)
			return meanings[i].what;
	return NULL;
}
