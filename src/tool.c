// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands of vfio-claim share. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

enum exit_code report_system(const char *what, int error)
{
	(void)fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(-error));
	return EXIT_SYSTEM;
}

void print_diagnostics(const struct diagnostics *diagnostics, const char *severity)
{
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *item = &diagnostics->items[i];

		if (item->line > 0)
			(void)fprintf(stderr, "%s:%u: %s: %s\n", item->file, item->line,
				      severity, item->message);
		else
			(void)fprintf(stderr, "%s: %s: %s\n", item->file, severity,
				      item->message);
	}
}

void print_json_object(json_object *object)
{
	(void)printf("%s\n", json_object_to_json_string_ext(
				     object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)json_object_put(object);
}

int read_config(struct tool *tool)
{
	return config_files_read(&tool->root, tool->config_path, &tool->config, &tool->files,
				 &tool->diagnostics);
}

enum exit_code need_config(struct tool *tool)
{
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	print_diagnostics(&tool->diagnostics, "error");
	return tool->diagnostics.count == 0 ? EXIT_AS_WANTED : EXIT_INVALID_CONFIG;
}
