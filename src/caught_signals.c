// SPDX-License-Identifier: GPL-2.0-or-later
/* The signals that end a program, noted instead. */
#include "caught_signals.h"

#include <stddef.h>

static const int numbers[CAUGHT_SIGNALS] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static volatile sig_atomic_t noted;

static void note(int number)
{
	noted = number;
}

void signals_catch(struct caught_signals *caught)
{
	noted = 0;
	for (size_t i = 0; i < CAUGHT_SIGNALS; i++) {
		const struct sigaction action = {
			.sa_handler = numbers[i] == SIGPIPE ? SIG_IGN : note,
		};

		(void)sigaction(numbers[i], NULL, &caught->old[i]);
		if (caught->old[i].sa_handler != SIG_IGN)
			(void)sigaction(numbers[i], &action, NULL);
	}
}

void signals_give_back(const struct caught_signals *caught)
{
	for (size_t i = 0; i < CAUGHT_SIGNALS; i++)
		(void)sigaction(numbers[i], &caught->old[i], NULL);
}

bool signals_came(void)
{
	return noted != 0;
}
