// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim check: is the configuration valid? */
#include <stdio.h>
#include <string.h>

#include "leftover_files.h"
#include "tool.h"

static void print_claim(const struct claim *claim, int width)
{
	char selector[SELECTOR_TEXT_SIZE];

	for (size_t i = 0; i < claim->match_count; i++)
		(void)printf("  %-*s  %-8s %s\n", width, i == 0 ? claim->name : "", "match",
			     selector_format(&claim->matches[i], selector));
	for (size_t i = 0; i < claim->except_count; i++)
		(void)printf("  %-*s  %-8s %s\n", width, "", "except",
			     selector_format(&claim->excepts[i], selector));
}

static void print_config(const struct tool *tool)
{
	const struct claims *claims = &tool->config.claims;
	int width = 0;

	if (tool->files.count == 0) {
		(void)printf(
			"no configuration: nothing is claimed (write /etc/vfio-claim.conf, see "
			"vfio-claim.conf(5))\n");
		return;
	}
	(void)printf("valid: %zu claim%s in %zu file%s\n", claims->count,
		     claims->count == 1 ? "" : "s", tool->files.count,
		     tool->files.count == 1 ? "" : "s");
	for (size_t i = 0; i < claims->count; i++)
		if ((int)strlen(claims->items[i].name) > width)
			width = (int)strlen(claims->items[i].name);
	for (size_t i = 0; i < claims->count; i++)
		print_claim(&claims->items[i], width);
}

static json_object *selectors_json(const struct selector *selectors, size_t count)
{
	json_object *array = json_object_new_array();
	char text[SELECTOR_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		(void)json_object_array_add(
			array, json_object_new_string(selector_format(&selectors[i], text)));
	return array;
}

static json_object *claim_json(const struct claim *claim)
{
	json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "name", json_object_new_string(claim->name));
	(void)json_object_object_add(object, "match",
				     selectors_json(claim->matches, claim->match_count));
	(void)json_object_object_add(object, "except",
				     selectors_json(claim->excepts, claim->except_count));
	(void)json_object_object_add(
		object, "functions",
		json_object_new_string(claim_functions_names[claim->functions]));
	(void)json_object_object_add(object, "driver", json_object_new_string(claim->driver));
	(void)json_object_object_add(object, "when",
				     json_object_new_string(claim_when_names[claim->when]));
	(void)json_object_object_add(object, "expect",
				     claim->expect ? json_object_new_int((int)claim->expect)
						   : NULL);
	return object;
}

static json_object *diagnostic_json(const struct diagnostic *item)
{
	json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "file", json_object_new_string(item->file));
	(void)json_object_object_add(object, "line",
				     item->line ? json_object_new_int((int)item->line) : NULL);
	(void)json_object_object_add(object, "message", json_object_new_string(item->message));
	return object;
}

static void print_config_json(const struct tool *tool, const struct diagnostics *warnings)
{
	json_object *object = json_object_new_object();
	json_object *errors = json_object_new_array();
	json_object *cautions = json_object_new_array();
	json_object *claims = json_object_new_array();
	json_object *files = json_object_new_array();

	for (size_t i = 0; i < tool->files.count; i++)
		(void)json_object_array_add(files,
					    json_object_new_string(tool->files.paths[i]));
	for (size_t i = 0; i < tool->diagnostics.count; i++)
		(void)json_object_array_add(errors,
					    diagnostic_json(&tool->diagnostics.items[i]));
	for (size_t i = 0; i < warnings->count; i++)
		(void)json_object_array_add(cautions, diagnostic_json(&warnings->items[i]));
	for (size_t i = 0; tool->diagnostics.count == 0 && i < tool->config.claims.count; i++)
		(void)json_object_array_add(claims, claim_json(&tool->config.claims.items[i]));
	(void)json_object_object_add(object, "valid",
				     json_object_new_boolean(tool->diagnostics.count == 0));
	(void)json_object_object_add(object, "files", files);
	(void)json_object_object_add(object, "errors", errors);
	(void)json_object_object_add(object, "warnings", cautions);
	(void)json_object_object_add(object, "claims", claims);
	print_json_object(object);
}

static void report(const struct tool *tool, const struct diagnostics *warnings)
{
	if (tool->json) {
		print_config_json(tool, warnings);
		return;
	}
	print_diagnostics(&tool->diagnostics, "error");
	print_diagnostics(warnings, "warning");
	if (tool->diagnostics.count == 0)
		print_config(tool);
}

/* With --config one file is asked about, not the system. */
enum exit_code run_check(struct tool *tool)
{
	struct diagnostics warnings = { 0 };
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	if (tool->config_path == NULL)
		r = leftover_files_check(&tool->root, &tool->config, &warnings);
	if (r == 0)
		report(tool, &warnings);
	diagnostics_free(&warnings);
	if (r < 0)
		return report_system("the system's files cannot be read", r);
	return tool->diagnostics.count > 0 ? EXIT_INVALID_CONFIG : EXIT_AS_WANTED;
}
