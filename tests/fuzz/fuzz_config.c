// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the reader of the configuration, and what is made of it when it is valid. */
#include "configured.h"
#include "match.h"
#include "plan.h"
#include "udev_rule.h"

static struct device devices[] = {
	GPU_CARD,
	{ .address = { 0, 2, 0, 0 }, .ids = { 0x144d, 0xa80a, 0, 0 }, .class_code = 0x010802 },
	{ .address = { 0x10000, 1, 0, 0 },
	  .ids = { 0x10de, 0x1c30, 0, 0 },
	  .class_code = 0x030200 },
};

/* Nothing of the file may leave a line or a string of the rule. */
static void check_rule(const struct claims *claims)
{
	char *rule;

	MUST(udev_rule_render(claims, NULL, &rule) == 0);
	for (const char *c = rule; *c != '\0'; c++)
		MUST(*c == '\n' || (*c >= ' ' && *c <= '~'));
	free(rule);
}

static void check_plan(const struct claims *claims)
{
	struct snapshot snapshot = { devices, sizeof(devices) / sizeof(devices[0]) };
	const struct guards early = { .phase = PHASE_EARLY };
	struct plan plan = { 0 };
	char *text;

	snapshot_mark_candidates(&snapshot, claims);
	MUST(plan_make(claims, &snapshot, &early, &plan) == 0);
	for (size_t i = 0; i < plan.decision_count; i++)
		MUST(plan.decisions[i].verdict != VERDICT_TAKE ||
		     plan.decisions[i].claim->when == WHEN_EARLY ||
		     guard_kind_of(plan.decisions[i].device) != GUARD_STORAGE);
	MUST(plan_render(&plan, &text) == 0);
	free(text);
	plan_free(&plan);
}

static void check_all(const struct config *config, void *context)
{
	(void)context;
	check_round_trip(&config->claims);
	check_rule(&config->claims);
	check_plan(&config->claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	with_config((const char *)data, size, check_all, NULL);
	return 0;
}
