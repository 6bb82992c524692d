// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim plan: what the next boot will do to each device, and what could go wrong. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "container.h"
#include "forecast.h"
#include "tool.h"

enum { PLAN_SCHEMA = 1, NAME_WIDTH_MOST = 44 };

/* 4 with a danger, 1 when something claimed is refused or does not come true, else 0. */
static enum exit_code judge(const struct forecast *forecast)
{
	if (warnings_count(&forecast->warnings, SEVERITY_DANGER) > 0)
		return EXIT_REFUSED;
	for (size_t i = 0; i < forecast->plan.decision_count; i++)
		if (forecast->plan.decisions[i].verdict == VERDICT_REFUSE)
			return EXIT_NOT_AS_WANTED;
	return warnings_count(&forecast->warnings, SEVERITY_FAULT) > 0 ? EXIT_NOT_AS_WANTED
								       : EXIT_AS_WANTED;
}

/* For people, and (with underscores) for programs. */
static const char *verdict_name(enum exit_code code)
{
	return code == EXIT_REFUSED     ? "danger"
	       : code == EXIT_AS_WANTED ? "as wanted"
					: "not as wanted";
}

static const char *verdict_word(enum exit_code code)
{
	return code == EXIT_REFUSED     ? "danger"
	       : code == EXIT_AS_WANTED ? "as_wanted"
					: "not_as_wanted";
}

static unsigned count_decisions(const struct plan *plan, enum verdict verdict)
{
	unsigned count = 0;

	for (size_t i = 0; i < plan->decision_count; i++)
		count += plan->decisions[i].verdict == verdict ? 1 : 0;
	return count;
}

/* --- For people --- */

/* ", 2 faults", or nothing. */
static void print_count(const struct warnings *warnings, enum severity severity)
{
	size_t count = warnings_count(warnings, severity);

	if (count > 0)
		(void)printf(", %zu %s%s", count, severity_names[severity],
			     count == 1 ? "" : "s");
}

static void print_verdict(const struct forecast *forecast)
{
	unsigned taken = count_decisions(&forecast->plan, VERDICT_TAKE);
	unsigned refused = count_decisions(&forecast->plan, VERDICT_REFUSE);

	(void)printf("%s: the next boot gives %u device%s to VFIO",
		     verdict_name(judge(forecast)), taken, taken == 1 ? "" : "s");
	if (refused > 0)
		(void)printf(", refuses %u", refused);
	print_count(&forecast->warnings, SEVERITY_DANGER);
	print_count(&forecast->warnings, SEVERITY_FAULT);
	print_count(&forecast->warnings, SEVERITY_WARNING);
	(void)printf("\n");
}

/* The columns of one decision; an empty one is shown as "-". A refusal has the first of them. */
enum column {
	COLUMN_ADDRESS,
	COLUMN_IDS,
	COLUMN_NAME,
	COLUMN_CLAIM,
	COLUMN_NOW,
	COLUMN_NEXT,
	COLUMN_WHEN,
	COLUMN_COUNT,
	COLUMN_REFUSED = COLUMN_NEXT,
};

struct row {
	char text[COLUMN_COUNT][CLAIM_NAME_SIZE];
};

static void set(struct row *row, enum column column, const char *text)
{
	(void)snprintf(row->text[column], CLAIM_NAME_SIZE, "%s", text);
}

/* Copies what fits into `width` columns; a UTF-8 character is not cut in two. */
static void set_cut(char out[CLAIM_NAME_SIZE], const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width && length < CLAIM_NAME_SIZE) {
		(void)snprintf(out, CLAIM_NAME_SIZE, "%s", text);
		return;
	}
	length = width - 3;
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	(void)snprintf(out, CLAIM_NAME_SIZE, "%.*s...", (int)length, text);
}

static void fill_row(struct forecast *forecast, const struct decision *decision,
		     struct row *row)
{
	const struct device *device = decision->device;

	(void)pci_address_format(&decision->address, row->text[COLUMN_ADDRESS]);
	for (int i = COLUMN_IDS; i < COLUMN_COUNT; i++)
		set(row, (enum column)i, "-");
	if (device != NULL) {
		const char *name = forecast_name(forecast, device);

		(void)snprintf(row->text[COLUMN_IDS], CLAIM_NAME_SIZE, "%04x:%04x",
			       device->ids.vendor, device->ids.device);
		if (*name != '\0')
			set_cut(row->text[COLUMN_NAME], name, NAME_WIDTH_MOST);
		if (*device->driver != '\0')
			set(row, COLUMN_NOW, device->driver);
	}
	set(row, COLUMN_CLAIM, decision->claim->name);
	if (decision->verdict != VERDICT_TAKE)
		return;
	set(row, COLUMN_NEXT, decision->driver);
	set(row, COLUMN_WHEN, forecast_when(forecast, decision));
}

static void widen(const struct row *row, size_t width[COLUMN_COUNT])
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (strlen(row->text[i]) > width[i])
			width[i] = strlen(row->text[i]);
}

static void print_row(const struct row *row, const size_t width[COLUMN_COUNT], int columns,
		      const char *reason)
{
	for (int i = 0; i < columns; i++)
		(void)printf("%s%-*s", i > 0 ? "  " : "",
			     i + 1 < columns || reason ? (int)width[i] : 0, row->text[i]);
	say(stdout, "%s%s\n", reason ? "  " : "", reason ? reason : "");
}

/* One table: of those that are taken, or of those that are refused, with the reason. */
static void print_table(struct forecast *forecast, enum verdict verdict)
{
	const struct row head = { { "DEVICE", "IDS", "NAME", "CLAIM", "NOW", "NEXT BOOT",
				    "WHEN" } };
	const struct plan *plan = &forecast->plan;
	bool refused = verdict == VERDICT_REFUSE;
	int columns = refused ? COLUMN_REFUSED : COLUMN_COUNT;
	size_t width[COLUMN_COUNT] = { 0 };
	struct row row;

	widen(&head, width);
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == verdict) {
			fill_row(forecast, &plan->decisions[i], &row);
			widen(&row, width);
		}
	(void)printf("\n");
	print_row(&head, width, columns, refused ? "REFUSED, SINCE" : NULL);
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == verdict) {
			fill_row(forecast, &plan->decisions[i], &row);
			print_row(&row, width, columns,
				  refused ? plan->decisions[i].reason : NULL);
		}
}

static bool has_loader(const struct loaders *loaders)
{
	for (int i = 0; i < LOADER_COUNT; i++)
		if (loaders->used[i])
			return true;
	return false;
}

static const char *applied_text(const struct forecast *forecast)
{
	return forecast->applied ? "the configuration is applied"
	       : forecast->unmet
		       ? "the configuration is not applied, or not all of it: see the "
			 "notes"
		       : "the configuration is not applied yet: run '" PROGRAM " apply'";
}

static void print_end(const struct forecast *forecast)
{
	for (size_t i = 0; i < forecast->notes.count; i++)
		say(stdout, "note: %s\n", forecast->notes.items[i]);
	for (int i = 0; i < LOADER_COUNT; i++)
		if (forecast->loaders.used[i])
			(void)printf("boot loader: %s (%s)\n", loader_names[i],
				     forecast->loaders.why[i]);
	if (forecast->applied_known && !has_loader(&forecast->loaders))
		(void)printf("boot loader: none that " PROGRAM " knows\n");
	if (forecast->applied_known)
		(void)printf("%s\n", applied_text(forecast));
}

static void print_people(struct forecast *forecast)
{
	print_verdict(forecast);
	if (count_decisions(&forecast->plan, VERDICT_TAKE) > 0)
		print_table(forecast, VERDICT_TAKE);
	if (count_decisions(&forecast->plan, VERDICT_REFUSE) > 0)
		print_table(forecast, VERDICT_REFUSE);
	if (forecast->warnings.count > 0)
		(void)printf("\n");
	for (size_t i = 0; i < forecast->warnings.count; i++)
		print_warning(stdout, &forecast->warnings.items[i]);
	if (forecast->notes.count > 0 || forecast->applied_known)
		(void)printf("\n");
	print_end(forecast);
}

/* --- JSON --- */

/* A string, or null for an empty one. */
static json_object *string_json(const char *string)
{
	return string == NULL || *string == '\0' ? NULL : json_object_new_string(string);
}

static void add(json_object *object, const char *key, json_object *value)
{
	(void)json_object_object_add(object, key, value);
}

static json_object *address_json(const struct pci_address *address)
{
	char text[PCI_ADDRESS_SIZE];

	return json_object_new_string(pci_address_format(address, text));
}

static void add_device(struct forecast *forecast, const struct device *device,
		       json_object *object)
{
	char text[PCI_IDS_SIZE];

	(void)snprintf(text, sizeof(text), "%04x:%04x", device->ids.vendor, device->ids.device);
	add(object, "id", json_object_new_string(text));
	(void)snprintf(text, sizeof(text), "%06x", device->class_code);
	add(object, "class", json_object_new_string(text));
	add(object, "name", string_json(forecast_name(forecast, device)));
	add(object, "iommu_group",
	    device->iommu_group >= 0 ? json_object_new_int(device->iommu_group) : NULL);
	add(object, "driver", string_json(device->driver));
}

static json_object *decision_json(struct forecast *forecast, const struct decision *decision)
{
	static const char *const keys[] = { "id", "class", "name", "iommu_group", "driver" };
	json_object *object = json_object_new_object();
	bool taken = decision->verdict == VERDICT_TAKE;

	add(object, "address", address_json(&decision->address));
	if (decision->device != NULL)
		add_device(forecast, decision->device, object);
	for (size_t i = 0; decision->device == NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
		add(object, keys[i], NULL);
	add(object, "claim", json_object_new_string(decision->claim->name));
	add(object, "verdict", json_object_new_string(taken ? "take" : "refuse"));
	add(object, "when",
	    taken ? json_object_new_string(forecast_when(forecast, decision)) : NULL);
	add(object, "driver_wanted", taken ? json_object_new_string(decision->driver) : NULL);
	add(object, "reason", json_object_new_string(decision->reason));
	return object;
}

static json_object *warning_json(const struct warning *warning)
{
	json_object *object = json_object_new_object();

	add(object, "severity", json_object_new_string(severity_names[warning->severity]));
	add(object, "code", json_object_new_string(warning->code));
	add(object, "address", warning->has_address ? address_json(&warning->address) : NULL);
	add(object, "claim", warning->claim ? string_json(warning->claim->name) : NULL);
	add(object, "text", json_object_new_string(warning->text));
	add(object, "fix", json_object_new_string(warning->fix));
	return object;
}

static json_object *loaders_json(const struct loaders *loaders)
{
	json_object *array = json_object_new_array();

	for (int i = 0; i < LOADER_COUNT; i++) {
		if (!loaders->used[i])
			continue;
		json_object *object = json_object_new_object();

		add(object, "name", json_object_new_string(loader_names[i]));
		add(object, "why", json_object_new_string(loaders->why[i]));
		(void)json_object_array_add(array, object);
	}
	return array;
}

/* vfio-claim(8) has its fields. */
static void print_json(const struct tool *tool, struct forecast *forecast,
		       const char *container)
{
	json_object *object = json_object_new_object();
	json_object *devices = json_object_new_array();
	json_object *warnings = json_object_new_array();
	json_object *notes = json_object_new_array();
	AUTO_FREE char *line = NULL;

	for (size_t i = 0; i < forecast->plan.decision_count; i++)
		(void)json_object_array_add(
			devices, decision_json(forecast, &forecast->plan.decisions[i]));
	for (size_t i = 0; i < forecast->warnings.count; i++)
		(void)json_object_array_add(warnings,
					    warning_json(&forecast->warnings.items[i]));
	for (size_t i = 0; i < forecast->notes.count; i++)
		(void)json_object_array_add(notes,
					    json_object_new_string(forecast->notes.items[i]));
	if (kargs_join(&forecast->next, &line) < 0)
		line = NULL;
	add(object, "schema", json_object_new_int(PLAN_SCHEMA));
	add(object, "verdict", json_object_new_string(verdict_word(judge(forecast))));
	add(object, "configured", json_object_new_boolean(tool->files.count > 0));
	add(object, "container", string_json(container));
	add(object, "cmdline", json_object_new_string(line ? line : ""));
	add(object, "boot_loaders", loaders_json(&forecast->loaders));
	add(object, "applied",
	    forecast->applied_known ? json_object_new_boolean(forecast->applied) : NULL);
	add(object, "devices", devices);
	add(object, "warnings", warnings);
	add(object, "notes", notes);
	print_json_object(object);
}

/* --- The command --- */

static enum exit_code report_forecast(const struct tool *tool, struct forecast *forecast)
{
	const char *container = tool->root.is_host ? container_detect(&tool->root) : NULL;

	if (tool->json) {
		print_json(tool, forecast, container);
		return judge(forecast);
	}
	if (container != NULL)
		(void)printf("this is a container (%s): its host boots without this "
			     "configuration, and this is what it would do there\n",
			     container);
	if (tool->files.count == 0)
		(void)printf("there is no configuration: write /etc/vfio-claim.conf, see "
			     "vfio-claim.conf(5)\n");
	else if (tool->config.claims.count == 0)
		(void)printf("the configuration has no claim\n");
	print_people(forecast);
	return judge(forecast);
}

enum exit_code run_plan(struct tool *tool)
{
	struct forecast forecast;

	if (!tool->has_machine) {
		(void)fprintf(stderr, PROGRAM
			      ": a tree has no hardware; --with-hardware says that it holds "
			      "what was recorded of a machine\n");
		return EXIT_USAGE;
	}
	enum exit_code code = need_config(tool);
	if (code != EXIT_AS_WANTED)
		return code;
	int r = forecast_make(&tool->root, &tool->config, tool->files.count > 0,
			      tool->root.is_host, &forecast);
	if (r == -ENOENT)
		(void)fprintf(stderr, PROGRAM ": there is no PCI bus in sysfs\n");
	code = r == -ENOENT ? EXIT_SYSTEM
	       : r < 0      ? report_system("the machine cannot be read", r)
			    : report_forecast(tool, &forecast);
	forecast_free(&forecast);
	return code;
}
