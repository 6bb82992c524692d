// SPDX-License-Identifier: GPL-2.0-or-later
/* The findings of readiness.h while they are gathered. */
#include "findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

const char *const finding_code_names[] = {
	[FINDING_CONFIG_INVALID] = "config-invalid",
	[FINDING_IOMMU_OFF] = "iommu-off",
	[FINDING_NO_INTERRUPT_REMAPPING] = "no-interrupt-remapping",
	[FINDING_NO_GROUP] = "no-group",
	[FINDING_GROUP_INCOMPLETE] = "group-incomplete",
	[FINDING_GROUP_NODE] = "group-node",
	[FINDING_NATIVE_DRIVER] = "native-driver",
	[FINDING_DRIVER_MISSING] = "driver-missing",
	[FINDING_NOT_BOUND] = "not-bound",
	[FINDING_OVERRIDE_MISSING] = "override-missing",
	[FINDING_VARIANT_UNUSED] = "variant-unused",
	[FINDING_DEVICE_MISSING] = "device-missing",
	[FINDING_DEVICE_DIFFERS] = "device-differs",
	[FINDING_DEVICE_REFUSED] = "device-refused",
	[FINDING_CLAIM_UNMATCHED] = "claim-unmatched",
	[FINDING_EXPECT_DIFFERS] = "expect-differs",
	[FINDING_HELPER_ABSENT] = "helper-absent",
	[FINDING_HELPER_OFF] = "helper-off",
	[FINDING_HELPER_FAILED] = "helper-failed",
	[FINDING_TABLE_BAD] = "table-bad",
	[FINDING_LATE_RUN_MISSING] = "late-run-missing",
	[FINDING_CONFIG_NEWER] = "config-newer",
	[FINDING_ARGUMENTS_MISSING] = "arguments-missing",
	[FINDING_ARGUMENTS_DIFFER] = "arguments-differ",
	[FINDING_ARGUMENT_UNKNOWN] = "argument-unknown",
	[FINDING_MODULE_LOADED] = "module-loaded",
	[FINDING_NOT_APPLIED] = "not-applied",
	[FINDING_FILES_STALE] = "files-stale",
	[FINDING_INITRAMFS_STALE] = "initramfs-stale",
	[FINDING_BOOT_ENTRY_STALE] = "boot-entry-stale",
	[FINDING_UNREADABLE] = "unreadable",
	[FINDING_CODE_COUNT] = NULL,
};

const char *const finding_level_names[] = { "note", "warning", "reboot", "error", NULL };

struct finding *finding_add(struct draft *draft, enum finding_code code,
			    enum finding_level level)
{
	struct finding *finding =
		array_grow(&draft->out.findings, draft->out.finding_count, sizeof(*finding));

	if (finding == NULL) {
		draft->error = -ENOMEM;
		return NULL;
	}
	finding->code = code;
	finding->level = level;
	draft->out.finding_count++;
	return finding;
}

struct finding *finding_add_about(struct draft *draft, enum finding_code code,
				  enum finding_level level, const struct decision *decision)
{
	struct finding *finding = finding_add(draft, code, level);

	if (finding != NULL) {
		finding->has_address = true;
		finding->address = decision->address;
		finding->claim = decision->claim->name;
	}
	return finding;
}

static PRINTF_LIKE(3, 0) void format(struct draft *draft, char **field, const char *format,
				     va_list args)
{
	if (vasprintf(field, format, args) < 0) {
		*field = NULL;
		draft->error = -ENOMEM;
	}
}

void finding_say(struct draft *draft, struct finding *finding, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	if (finding != NULL)
		format(draft, &finding->text, text, args);
	va_end(args);
}

void finding_fix(struct draft *draft, struct finding *finding, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	if (finding != NULL)
		format(draft, &finding->fix, text, args);
	va_end(args);
}
