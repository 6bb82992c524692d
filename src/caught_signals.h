/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signals that end a program, noted instead while something is not to be left half-way. */
#ifndef VFIO_CLAIM_CAUGHT_SIGNALS_H
#define VFIO_CLAIM_CAUGHT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum { CAUGHT_SIGNALS = 4 };

struct caught_signals {
	struct sigaction old[CAUGHT_SIGNALS];
};

/*
 * From here to signals_give_back() SIGINT, SIGTERM and SIGHUP are noted, but for those that the
 * caller ignores (nohup(1), a script's background job), and SIGPIPE is ignored: who reads our
 * output may end before us.
 */
void signals_catch(struct caught_signals *caught);

void signals_give_back(const struct caught_signals *caught);

/* True when one was noted since signals_catch(). */
bool signals_came(void);

#endif
