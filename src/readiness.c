// SPDX-License-Identifier: GPL-2.0-or-later
/* Is the machine ready for passthrough as the configuration wants it? */
#include "readiness.h"

#include <errno.h>

#include "findings.h"

static void assess_config(struct draft *draft)
{
	const struct diagnostics *diagnostics = draft->facts->diagnostics;

	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *item = &diagnostics->items[i];
		struct finding *finding =
			finding_add(draft, FINDING_CONFIG_INVALID, LEVEL_ERROR);

		if (item->line > 0)
			finding_say(draft, finding, "%s:%u: %s", item->file, item->line,
				    item->message);
		else
			finding_say(draft, finding, "%s: %s", item->file, item->message);
		finding_fix(draft, finding, "mend that line, see vfio-claim.conf(5)");
	}
}

/* Devices are found by the kernel and bound by udev's rule in their own time. */
static bool code_may_change(enum finding_code code)
{
	switch (code) {
	case FINDING_GROUP_INCOMPLETE:
	case FINDING_GROUP_NODE:
	case FINDING_NATIVE_DRIVER:
	case FINDING_NOT_BOUND:
	case FINDING_OVERRIDE_MISSING:
	case FINDING_HELPER_FAILED:
	case FINDING_DEVICE_MISSING:
	case FINDING_CLAIM_UNMATCHED:
	case FINDING_EXPECT_DIFFERS:
		return true;
	default:
		return false;
	}
}

/* By level, the worst first; within one in the order they were found. */
static void sort_findings(struct readiness *out)
{
	for (size_t i = 1; i < out->finding_count; i++) {
		struct finding finding = out->findings[i];
		size_t j = i;

		for (; j > 0 && out->findings[j - 1].level < finding.level; j--)
			out->findings[j] = out->findings[j - 1];
		out->findings[j] = finding;
	}
}

static void sum_up(struct draft *draft)
{
	struct readiness *out = &draft->out;
	bool may_change = true;

	out->state = out->ready < out->wanted ? STATE_NOT_READY : STATE_READY;
	sort_findings(out);
	enum finding_level worst = out->finding_count > 0 ? out->findings[0].level : LEVEL_NOTE;
	if (worst == LEVEL_ERROR)
		out->state = STATE_NOT_READY;
	else if (worst == LEVEL_REBOOT)
		out->state = STATE_REBOOT_DUE;
	for (size_t i = 0; i < out->finding_count; i++)
		if (out->findings[i].level >= LEVEL_REBOOT)
			may_change = may_change && code_may_change(out->findings[i].code);
	out->may_change = out->state != STATE_READY && may_change;
	if (out->state == STATE_REBOOT_DUE)
		out->reboot_since = prepared_since(draft->facts);
}

int readiness_assess(const struct facts *facts, struct readiness *ret_readiness)
{
	struct draft draft = { .facts = facts };

	if (facts->diagnostics->count > 0) {
		assess_config(&draft);
	} else {
		draft.out.device_count = facts->plan->decision_count;
		draft.out.devices =
			calloc(draft.out.device_count + 1, sizeof(*draft.out.devices));
		if (draft.out.devices == NULL)
			return -ENOMEM;
		assess_iommu(&draft);
		assess_devices(&draft);
		assess_boot(&draft);
		assess_arguments(&draft);
		assess_next_boot(&draft);
	}
	if (draft.error < 0) {
		readiness_free(&draft.out);
		return draft.error;
	}
	sum_up(&draft);
	*ret_readiness = draft.out;
	return 0;
}

void readiness_free(struct readiness *readiness)
{
	for (size_t i = 0; i < readiness->finding_count; i++) {
		free(readiness->findings[i].text);
		free(readiness->findings[i].fix);
	}
	free(readiness->findings);
	free(readiness->devices);
	*readiness = (struct readiness){ 0 };
}
