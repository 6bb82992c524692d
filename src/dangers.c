// SPDX-License-Identifier: GPL-2.0-or-later
/* Stops a command that would take from the machine what it needs. */
#include "dangers.h"

#include <stdio.h>

#include "forecast.h"

/* Dangers, and faults of the machine as a whole: with one of those no claim comes true. */
static void print_gravest(const struct warnings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++) {
		const struct warning *warning = &warnings->items[i];

		if (warning->severity == SEVERITY_DANGER ||
		    (warning->severity == SEVERITY_FAULT && !warning->has_address &&
		     warning->claim == NULL))
			print_warning(stderr, warning);
	}
}

static enum exit_code report_dangers(const struct tool *tool, const struct warnings *warnings)
{
	print_gravest(warnings);
	if (warnings_count(warnings, SEVERITY_DANGER) == 0 || tool->force)
		return EXIT_AS_WANTED;
	(void)fprintf(stderr, PROGRAM ": nothing was changed; --force does it all the same, "
				      "'" PROGRAM " plan' shows the whole plan\n");
	return EXIT_REFUSED;
}

enum exit_code dangers_refuse(const struct tool *tool)
{
	enum exit_code code = EXIT_AS_WANTED;
	struct forecast forecast;

	if (!tool->root.is_host)
		return code;
	if (forecast_make(&tool->root, &tool->config, tool->files.count > 0, false,
			  &forecast) == 0)
		code = report_dangers(tool, &forecast.warnings);
	forecast_free(&forecast);
	return code;
}
