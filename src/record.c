// SPDX-License-Identifier: GPL-2.0-or-later
/* What the boot helper did, and its rendering as boot.json. */
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "version.h"

const char *const step_names[] = { "override", "load", "unbind", "probe", "bind" };
static const char *const outcome_names[] = { "claimed", "failed", "refused", "waiting" };
static const char *const table_names[] = { "unread", "ok", "missing", "bad" };

/* By which a late run finds the place for its part, and a second one that it was there. */
#define RECORD_END "}\n"
#define RECORD_LATE "\n  \"late\": {\n"

int record_add_step(struct record *record, enum step_kind kind, size_t decision,
		    const char *target, int error)
{
	struct step *step = array_grow(&record->steps, record->step_count, sizeof(*step));

	if (step == NULL)
		return -ENOMEM;
	step->kind = kind;
	step->decision = decision;
	step->error = error < 0 ? -error : 0;
	(void)copy_field(step->target, sizeof(step->target), target);
	record->step_count++;
	return 0;
}

void record_free(struct record *record)
{
	free(record->devices);
	free(record->steps);
	record->devices = NULL;
	record->steps = NULL;
	record->step_count = 0;
}

/* "name": "value", with null for an empty one. */
static void add_field(struct text *text, const char *name, const char *value)
{
	text_put(text, "\"");
	text_put(text, name);
	text_put(text, "\": ");
	if (*value == '\0')
		text_put(text, "null");
	else
		text_add_json(text, value);
}

static void add_string(struct text *text, const char *indent, const char *name,
		       const char *value)
{
	text_put(text, indent);
	add_field(text, name, value);
	text_put(text, ",\n");
}

/* The steps of each decision as a chain: they are done phase after phase, not device after device. */
struct chains {
	size_t *first; /* for each decision: its first step + 1, or 0 */
	size_t *next;  /* for each step: the next one of its decision + 1, or 0 */
};

static int make_chains(const struct record *record, size_t decisions, struct chains *chains)
{
	chains->first = calloc(decisions + 1, sizeof(*chains->first));
	chains->next = calloc(record->step_count + 1, sizeof(*chains->next));
	if (chains->first == NULL || chains->next == NULL)
		return -ENOMEM;
	for (size_t i = record->step_count; i > 0; i--) {
		const struct step *step = &record->steps[i - 1];

		if (step->kind == STEP_LOAD)
			continue;
		chains->next[i - 1] = chains->first[step->decision];
		chains->first[step->decision] = i;
	}
	return 0;
}

static void add_steps(struct text *text, const struct record *record,
		      const struct chains *chains, size_t decision)
{
	const char *separator = "";

	text_put(text, "      \"actions\": [");
	for (size_t i = chains->first[decision]; i > 0; i = chains->next[i - 1]) {
		const struct step *step = &record->steps[i - 1];

		text_put(text, separator);
		text_put(text, "\n        {\"action\": \"");
		text_put(text, step_names[step->kind]);
		text_put(text, "\", ");
		add_field(text, "target", step->target);
		text_put(text, ", \"errno\": ");
		text_put_number(text, (unsigned)step->error);
		text_put(text, "}");
		separator = ",";
	}
	text_put(text, *separator ? "\n      ]\n" : "]\n");
}

static void add_device(struct text *text, const struct record *record, const struct plan *plan,
		       const struct chains *chains, size_t index)
{
	const struct decision *decision = &plan->decisions[index];
	const struct device_record *device = &record->devices[index];
	const char *indent = "      ";
	char address[PCI_ADDRESS_SIZE];
	char ids[PCI_IDS_SIZE] = "";
	char class_code[8] = "";

	if (decision->device != NULL) {
		(void)pci_ids_format(&decision->device->ids, ids);
		(void)snprintf(class_code, sizeof(class_code), "%06x",
			       decision->device->class_code & 0xffffff);
	}
	text_put(text, index ? ",\n    {\n" : "\n    {\n");
	add_string(text, indent, "address", pci_address_format(&decision->address, address));
	add_string(text, indent, "id", ids);
	add_string(text, indent, "class", class_code);
	add_string(text, indent, "claim", decision->claim->name);
	add_string(text, indent, "outcome", outcome_names[device->outcome]);
	add_string(text, indent, "driver_wanted", device->wanted);
	add_string(text, indent, "driver_before", device->before);
	add_string(text, indent, "driver", device->after);
	add_string(text, indent, "override", device->override);
	text_put(text, "      \"iommu_group\": ");
	if (decision->device != NULL && decision->device->iommu_group >= 0)
		text_put_number(text, (unsigned)decision->device->iommu_group);
	else
		text_put(text, "null");
	text_put(text, decision->device != NULL && decision->device->is_vf
			       ? ",\n      \"vf\": true,\n"
			       : ",\n      \"vf\": false,\n");
	add_string(text, indent, "reason", device->reason);
	add_steps(text, record, chains, index);
	text_put(text, "    }");
}

static void add_modules(struct text *text, const struct record *record)
{
	const char *separator = "";

	text_add(text, "  \"modules\": [");
	for (size_t i = 0; i < record->step_count; i++) {
		if (record->steps[i].kind != STEP_LOAD)
			continue;
		text_add(text, "%s\n    {", separator);
		add_field(text, "name", record->steps[i].target);
		text_add(text, ", \"errno\": %d}", record->steps[i].error);
		separator = ",";
	}
	text_add(text, "%s],\n", *separator ? "\n  " : "");
}

static void add_messages(struct text *text, const struct plan *plan,
			 const struct cmdline *cmdline)
{
	const char *separator = "";

	text_add(text, "  \"messages\": [");
	for (size_t i = 0; i < cmdline->problem_count + plan->message_count; i++) {
		text_add(text, "%s\n    ", separator);
		text_add_json(text, i < cmdline->problem_count
					    ? cmdline->problems[i]
					    : plan->messages[i - cmdline->problem_count]);
		separator = ",";
	}
	text_add(text, "%s]\n", *separator ? "\n  " : "");
}

/* "devices": [...], with a comma behind it. */
static void add_devices(struct text *text, const struct record *record, const struct plan *plan)
{
	struct chains chains = { 0 };
	bool any = record->devices != NULL && plan->decision_count > 0;

	if (any && make_chains(record, plan->decision_count, &chains) < 0)
		text->error = -ENOMEM;
	text_add(text, "  \"devices\": [");
	for (size_t i = 0; any && text->error == 0 && i < plan->decision_count; i++)
		add_device(text, record, plan, &chains, i);
	free(chains.first);
	free(chains.next);
	text_add(text, "%s],\n", plan->decision_count ? "\n  " : "");
}

int record_render(const struct record *record, const struct plan *plan,
		  const struct cmdline *cmdline, char **ret_text)
{
	struct text text = { 0 };

	text_add(&text, "{\n  \"schema\": %d,\n", RECORD_SCHEMA);
	add_string(&text, "  ", "version", VFIO_CLAIM_VERSION);
	text_add(&text, "  \"enabled\": %s,\n", record->enabled ? "true" : "false");
	add_string(&text, "  ", "kernel", record->kernel);
	add_string(&text, "  ", "cmdline", record->command_line);
	text_add(&text, "  \"started\": %.3f,\n  \"finished\": %.3f,\n", record->started,
		 record->finished);
	text_add(&text, "  \"peak_memory_kib\": %ld,\n", record->peak_memory_kib);
	text_add(&text, "  \"table\": {\"status\": \"%s\", ", table_names[record->table]);
	add_field(&text, "checksum", record->checksum);
	text_add(&text, ", ");
	add_field(&text, "reason", record->table_reason);
	text_add(&text, "},\n");
	add_devices(&text, record, plan);
	add_modules(&text, record);
	add_messages(&text, plan, cmdline);
	text_add(&text, RECORD_END);
	return text_take(&text, ret_text);
}

bool record_has_late(const char *record)
{
	return strstr(record, RECORD_LATE) != NULL;
}

static void add_needs(struct text *text, const struct guards *guards)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, "  \"needs\": [");
	for (size_t i = 0; i < guards->need_count; i++) {
		text_add(text, "%s\n    {", i ? "," : "");
		add_field(text, "address",
			  pci_address_format(&guards->needs[i].address, address));
		text_add(text, ", ");
		add_field(text, "reason", guards->needs[i].reason);
		text_add(text, "}");
	}
	text_add(text, "%s],\n", guards->need_count ? "\n  " : "");
}

int record_render_late(const char *early, const struct record *record, const struct plan *plan,
		       const struct guards *guards, char **ret_text)
{
	static const struct cmdline none;
	size_t length = strlen(early);
	size_t end = strlen(RECORD_END);
	struct text text = { 0 };

	if (length < end || strcmp(early + length - end, RECORD_END) != 0)
		return -EBADMSG;
	text_add(&text, "%.*s", (int)(length - end), early);
	/* The last member has no comma behind it. */
	while (text.length > 0 && text.data[text.length - 1] == '\n')
		text.length--;
	text_add(&text, "," RECORD_LATE);
	text_add(&text, "  \"started\": %.3f,\n  \"finished\": %.3f,\n", record->started,
		 record->finished);
	add_string(&text, "  ", "storage_reason", guards->storage_reason);
	add_string(&text, "  ", "network_reason", guards->network_reason);
	add_needs(&text, guards);
	add_devices(&text, record, plan);
	add_modules(&text, record);
	add_messages(&text, plan, &none);
	text_add(&text, "  }\n" RECORD_END);
	return text_take(&text, ret_text);
}
