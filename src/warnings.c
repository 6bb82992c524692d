// SPDX-License-Identifier: GPL-2.0-or-later
/* What could go wrong in the next boot: the list of warnings. */
#include "warnings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "warnings_parts.h"

const char *const severity_names[] = { "warning", "fault", "danger", NULL };

const char *const warning_codes[] = {
	/* claims */
	"no-match", "no-vfs", "expect", "identical-all", "identical-left", "driver-missing",
	"driver-unsigned",
	/* devices */
	"default-route", "driver-blacklisted", "needed", "perhaps-needed", "in-use",
	"unguarded", "boot-display", "no-reset", "pf-with-vfs", "pf-and-vf", "nova-domain",
	"built-in-driver", "no-longer-claimed",
	/* groups */
	"group-incomplete", "no-group",
	/* the machine */
	"iommu-off", "iommu-pending", "no-interrupt-remapping", "kernel-without-vfio",
	"switched-off", "unsigned-addon", "cmdline-too-long", NULL
};

void warning_add(struct view *view, enum severity severity, const char *code,
		 const struct pci_address *address, const struct claim *claim,
		 const char *format, ...)
{
	struct warnings *warnings = view->warnings;
	char *text = NULL;
	va_list args;

	if (view->error < 0)
		return;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	struct warning *warning =
		length < 0 ? NULL
			   : array_grow(&warnings->items, warnings->count, sizeof(*warning));
	if (warning == NULL) {
		if (length >= 0)
			free(text);
		view->error = -ENOMEM;
		return;
	}
	warning->severity = severity;
	warning->code = code;
	warning->has_address = address != NULL;
	if (address != NULL)
		warning->address = *address;
	warning->claim = claim;
	warning->text = text;
	warnings->count++;
}

void warning_fix(struct view *view, const char *format, ...)
{
	char *fix = NULL;
	va_list args;

	if (view->error < 0)
		return;
	va_start(args, format);
	if (vasprintf(&fix, format, args) < 0)
		view->error = -ENOMEM;
	else
		view->warnings->items[view->warnings->count - 1].fix = fix;
	va_end(args);
}

bool view_takes(const struct view *view, size_t index)
{
	const struct decision *decision = view->decisions[index].decision;

	return decision != NULL && decision->verdict == VERDICT_TAKE;
}

const struct decision *plan_decision(const struct plan *plan, const struct device *device)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].device == device)
			return &plan->decisions[i];
	return NULL;
}

/* The gravest first; within one severity they stay as they were found. */
static void sort(struct warnings *warnings)
{
	for (size_t i = 1; i < warnings->count; i++) {
		struct warning warning = warnings->items[i];
		size_t to = i;

		for (; to > 0 && warnings->items[to - 1].severity < warning.severity; to--)
			warnings->items[to] = warnings->items[to - 1];
		warnings->items[to] = warning;
	}
}

int warnings_find(const struct outlook *outlook, struct warnings *ret_warnings)
{
	size_t count = outlook->snapshot->count;
	struct warnings warnings = { 0 };
	struct view view = { .outlook = outlook, .warnings = &warnings };
	/* One more, since calloc() of nothing may be NULL. */
	AUTO_FREE struct verdict_of *decisions = calloc(count + 1, sizeof(*decisions));

	if (decisions == NULL)
		return -ENOMEM;
	view.decisions = decisions;
	for (size_t i = 0; i < outlook->plan->decision_count; i++) {
		const struct decision *decision = &outlook->plan->decisions[i];

		if (decision->device != NULL)
			decisions[decision->device - outlook->snapshot->devices].decision =
				decision;
	}
	warn_of_claims(&view);
	warn_of_devices(&view);
	warn_of_groups(&view);
	warn_of_host(&view);
	if (view.error < 0) {
		warnings_free(&warnings);
		return view.error;
	}
	sort(&warnings);
	*ret_warnings = warnings;
	return 0;
}

size_t warnings_count(const struct warnings *warnings, enum severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < warnings->count; i++)
		count += warnings->items[i].severity == severity ? 1 : 0;
	return count;
}

void warnings_free(struct warnings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++) {
		free(warnings->items[i].text);
		free(warnings->items[i].fix);
	}
	free(warnings->items);
	*warnings = (struct warnings){ 0 };
}
