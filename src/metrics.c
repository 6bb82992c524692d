// SPDX-License-Identifier: GPL-2.0-or-later
/* Readiness as metrics for Prometheus. */
#include "metrics.h"

#include <string.h>

#include "text.h"

static void head(struct text *text, const char *name, const char *help)
{
	text_add(text, "# HELP vfio_claim_%s %s\n# TYPE vfio_claim_%s gauge\n", name, help,
		 name);
}

/*
 * ="VALUE" of a label: \, " and line feeds are escaped. The format is UTF-8; our names are ASCII,
 * and whatever else got in becomes a question mark.
 */
static void add_value(struct text *text, const char *value)
{
	text_add(text, "=\"");
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '\n')
			text_add(text, "\\n");
		else if (c == '\\' || c == '"')
			text_add(text, "\\%c", c);
		else
			text_add(text, "%c", c < ' ' || c > '~' ? '?' : c);
	}
	text_add(text, "\"");
}

static void add_label(struct text *text, const char *before, const char *name,
		      const char *value)
{
	text_add(text, "%s%s", before, name);
	add_value(text, value);
}

static void add_flag(struct text *text, const char *name, const char *help, bool value)
{
	head(text, name, help);
	text_add(text, "vfio_claim_%s %d\n", name, value ? 1 : 0);
}

static void add_info(struct text *text, const struct metrics *metrics)
{
	head(text, "info", "The version of vfio-claim and the running kernel.");
	add_label(text, "vfio_claim_info{", "version", metrics->version);
	add_label(text, ",", "kernel", metrics->kernel);
	text_add(text, "} 1\n");
}

static void add_devices(struct text *text, const struct metrics *metrics)
{
	const struct readiness *readiness = metrics->readiness;
	char address[PCI_ADDRESS_SIZE];

	if (readiness->wanted == 0)
		return;
	head(text, "device_ready",
	     "Whether VFIO has the device and its IOMMU group; the driver is the present one.");
	for (size_t i = 0; i < readiness->device_count; i++) {
		const struct decision *decision = &metrics->facts->plan->decisions[i];

		if (readiness->devices[i].state == DEVICE_LEFT ||
		    readiness->devices[i].repeated)
			continue;
		add_label(text, "vfio_claim_device_ready{", "address",
			  pci_address_format(&decision->address, address));
		add_label(text, ",", "claim", decision->claim->name);
		add_label(text, ",", "driver",
			  decision->device != NULL ? decision->device->driver : "");
		text_add(text, "} %d\n", readiness->devices[i].state == DEVICE_READY);
	}
}

static void add_findings(struct text *text, const struct readiness *readiness)
{
	unsigned counts[FINDING_CODE_COUNT] = { 0 };

	for (size_t i = 0; i < readiness->finding_count; i++)
		counts[readiness->findings[i].code]++;
	head(text, "findings", "What vfio-claim status found, by its code.");
	for (int i = 0; i < FINDING_CODE_COUNT; i++) {
		add_label(text, "vfio_claim_findings{", "code", finding_code_names[i]);
		text_add(text, "} %u\n", counts[i]);
	}
}

/* Kernels whose image was not looked at, or could not be, have no sample. */
static void add_images(struct text *text, const struct facts *facts)
{
	bool any = false;

	for (size_t i = 0; i < facts->kernel_count; i++) {
		const struct kernel_facts *kernel = &facts->kernels[i];

		if (kernel->current == ANSWER_UNKNOWN)
			continue;
		if (!any)
			head(text, "initramfs_current",
			     "Whether the initramfs of an installed kernel has the claims of "
			     "the configuration.");
		any = true;
		add_label(text, "vfio_claim_initramfs_current{", "kernel", kernel->release);
		text_add(text, "} %d\n", kernel->current == ANSWER_YES);
	}
}

int metrics_render(const struct metrics *metrics, char **ret_text)
{
	const struct readiness *readiness = metrics->readiness;
	const struct boot_record *boot = metrics->facts->boot;
	struct text text = { 0 };

	add_info(&text, metrics);
	add_flag(&text, "configured", "Whether there is a configuration.", metrics->configured);
	add_flag(&text, "ready", "Whether the machine is as the configuration wants it.",
		 readiness->state == STATE_READY);
	add_flag(&text, "reboot_due", "Whether a reboot, and nothing else, is missing.",
		 readiness->state == STATE_REBOOT_DUE);
	add_devices(&text, metrics);
	add_findings(&text, readiness);
	add_images(&text, metrics->facts);
	if (boot != NULL && boot->found) {
		head(&text, "boot_seconds", "How long the boot helper took in this boot.");
		text_add(&text, "vfio_claim_boot_seconds %.3f\n", boot->seconds);
	}
	return text_take(&text, ret_text);
}
