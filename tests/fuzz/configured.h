/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzers of a configuration share: a card for it, and how it is read. */
#ifndef VFIO_CLAIM_CONFIGURED_H
#define VFIO_CLAIM_CONFIGURED_H

#include "config.h"
#include "fuzz.h"
/* How many bytes at the end of the input are not of the file. */
#ifndef CONFIG_TAIL
#define CONFIG_TAIL 0
#endif
#ifdef LIBFUZZER
#include "config_mutator.h"
#endif

/* The two functions of a GPU at 0000:01:00, for the head of an array of devices. */
/* clang-format off */
#define GPU_CARD                                                                               \
	{ .address = { 0, 1, 0, 0 },                                                           \
	  .ids = { 0x10de, 0x1c30, 0x10de, 0x11b3 },                                           \
	  .class_code = 0x030000,                                                              \
	  .iommu_group = 1 },                                                                  \
	{ .address = { 0, 1, 0, 1 },                                                           \
	  .ids = { 0x10de, 0x10f1, 0x10de, 0x11b3 },                                           \
	  .class_code = 0x040300,                                                              \
	  .iommu_group = 1 }
/* clang-format on */

/* Hands a valid configuration to `use`; of one that is not every error has a line and a text. */
static void with_config(const char *text, size_t size,
			void (*use)(const struct config *config, void *context), void *context)
{
	struct config config = { 0 };
	struct diagnostics diagnostics = { 0 };

	MUST(config_parse(&config, "fuzz", text, size, &diagnostics) == 0);
	for (size_t i = 0; i < diagnostics.count; i++)
		MUST(diagnostics.items[i].line > 0 && *diagnostics.items[i].message != '\0');
	if (diagnostics.count == 0)
		use(&config, context);
	config_free(&config);
	diagnostics_free(&diagnostics);
}

#endif
