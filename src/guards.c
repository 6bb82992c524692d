// SPDX-License-Identifier: GPL-2.0-or-later
/* What a boot must not lose. */
#include "guards.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define VIRTIO_VENDOR 0x1af4U

/*
 * Device IDs of virtio: include/uapi/linux/virtio_ids.h, + 0x1040 for modern devices, and the
 * transitional ones of drivers/virtio/virtio_pci_legacy.c. Hypervisors give such devices
 * classes of their liking.
 */
static enum guard_kind virtio_kind(uint32_t device)
{
	static const uint16_t storage[] = {
		0x1001, 0x1042, /* block */
		0x1004, 0x1048, /* SCSI */
		0x1009, 0x1049, /* 9p */
		0x105a,         /* file system */
		0x105b,         /* persistent memory */
	};

	for (size_t i = 0; i < sizeof(storage) / sizeof(storage[0]); i++)
		if (storage[i] == device)
			return GUARD_STORAGE;
	return device == 0x1000 || device == 0x1041 ? GUARD_NETWORK : GUARD_NONE;
}

/* Class codes: include/linux/pci_ids.h. */
enum guard_kind guard_kind_of(const struct device *device)
{
	unsigned base = device->class_code >> 16 & 0xff;
	unsigned subclass = device->class_code >> 8 & 0xffff;

	if (device->ids.vendor == VIRTIO_VENDOR) {
		enum guard_kind kind = virtio_kind(device->ids.device);

		if (kind != GUARD_NONE)
			return kind;
	}
	/* CXL memory may be persistent. 0c00: FireWire; 0c04: Fibre Channel; 0805: SD cards. */
	if (base == 0x01 || subclass == 0x0502 || subclass == 0x0c00 || subclass == 0x0c04 ||
	    subclass == 0x0805)
		return GUARD_STORAGE;
	if (subclass == 0x0c03)
		return GUARD_USB;
	/* 0d: wireless; 0c06: InfiniBand. */
	return base == 0x02 || base == 0x0d || subclass == 0x0c06 ? GUARD_NETWORK : GUARD_NONE;
}

bool device_is_bridge(const struct device *device)
{
	return (device->class_code >> 16 & 0xff) == 0x06;
}

bool device_is_other_bridge(const struct device *device)
{
	return (device->class_code >> 8 & 0xffff) == 0x0680 && !device->leads_to_bus;
}

static struct need *find(const struct guards *guards, const struct pci_address *address)
{
	for (size_t i = 0; i < guards->need_count; i++)
		if (pci_address_compare(&guards->needs[i].address, address) == 0)
			return &guards->needs[i];
	return NULL;
}

int guards_add(struct guards *guards, const struct pci_address *address, const char *format,
	       ...)
{
	va_list args;

	if (find(guards, address) != NULL)
		return 0;
	struct need *need = array_grow(&guards->needs, guards->need_count, sizeof(*need));
	if (need == NULL)
		return -ENOMEM;
	need->address = *address;
	va_start(args, format);
	(void)vsnprintf(need->reason, sizeof(need->reason), format, args);
	va_end(args);
	guards->need_count++;
	return 0;
}

int guards_clear(struct guards *guards, const struct pci_address *address)
{
	struct pci_address *slot =
		array_grow(&guards->cleared, guards->cleared_count, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	*slot = *address;
	guards->cleared_count++;
	return 0;
}

static bool is_cleared(const struct guards *guards, const struct pci_address *address)
{
	for (size_t i = 0; i < guards->cleared_count; i++)
		if (pci_address_compare(&guards->cleared[i], address) == 0)
			return true;
	return false;
}

const char *guards_need(const struct guards *guards, const struct pci_address *address)
{
	const struct need *need = find(guards, address);

	return need ? need->reason : NULL;
}

const char *guards_reason(const struct guards *guards, const struct pci_address *address,
			  enum guard_kind kind)
{
	const char *reason = guards_need(guards, address);

	if (reason != NULL)
		return reason;
	if (kind == GUARD_NETWORK && guards->network_reason[0] != '\0')
		return guards->network_reason;
	bool storage = kind == GUARD_STORAGE || kind == GUARD_USB;
	return storage && guards->storage_reason[0] != '\0' && !is_cleared(guards, address)
		       ? guards->storage_reason
		       : NULL;
}

void guards_free(struct guards *guards)
{
	free(guards->needs);
	free(guards->cleared);
	*guards = (struct guards){ 0 };
}
