// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A MachineConfig of OpenShift: files by Ignition 3.2 (contents.source is a data: URL, RFC 2397)
 * and spec.kernelArguments, which the Machine Config Operator gives to rpm-ostree word by word.
 */
#include <errno.h>
#include <string.h>

#include "base64.h"
#include "exports.h"

static void add_remarks(struct text *text, const struct exports *exports)
{
	text_add_comment(
		text, "# ",
		"A MachineConfig of OpenShift, by vfio-claim export: kernel arguments and "
		"configuration for the nodes of a pool. Name your pool in place of "
		"worker. The operator drains and reboots the nodes one after the other.");
	text_add_comment(text, "#", "");
	text_add_comment(
		text, "# ",
		"The arguments alone do not claim: vfio-claim must be in the nodes' "
		"initramfs. A node's image is made by layering (a Containerfile on the "
		"release's rhel-coreos image, see packaging/image-builders/bootc); its "
		"initramfs has the configuration that the image was built with, so build "
		"it with this one.");
	for (size_t i = 0; i < exports->arguments->notes.count; i++)
		text_add_comment_f(text, "# ", "Note: %s", exports->arguments->notes.items[i]);
}

/* 420 is 0644: JSON, which it becomes, has no octal numbers. */
static int add_files(struct text *text, const struct exports *exports)
{
	int r = 0;

	text_add(text, "    storage:\n      files:\n");
	for (size_t i = 0; r == 0 && i < exports->file_count; i++) {
		text_add(text, "        - path: ");
		r = quote_yaml(text, exports->files[i].path);
		text_add(text, "\n          mode: 420\n"
			       "          overwrite: true\n"
			       "          contents:\n"
			       "            source: data:;base64,");
		text_add_base64(text, exports->files[i].text, strlen(exports->files[i].text));
		text_add(text, "\n");
	}
	return r;
}

/* Nodes have /usr read-only, and the operator takes files below /etc and /var only. */
static int check_files(const struct exports *exports, struct text *ret_reason)
{
	for (size_t i = 0; i < exports->file_count; i++) {
		if (strncmp(exports->files[i].path, "/etc/", 5) == 0 &&
		    is_utf8(exports->files[i].path))
			continue;
		text_add(ret_reason,
			 "%s cannot be written on a node, whose /usr is read-only: have one "
			 "file "
			 "and name it with --config",
			 exports->files[i].path);
		return -EPERM;
	}
	if (exports->file_count > 0)
		return 0;
	text_add(ret_reason,
		 "there is no configuration to carry: write /etc/vfio-claim.conf, see "
		 "vfio-claim.conf(5)");
	return -EPERM;
}

int export_machineconfig(const struct exports *exports, struct text *ret_text,
			 struct text *ret_reason)
{
	const struct kargs *kargs = &exports->arguments->kargs;
	int r = check_files(exports, ret_reason);

	if (r < 0)
		return r;
	add_remarks(ret_text, exports);
	text_add(ret_text, "apiVersion: machineconfiguration.openshift.io/v1\n"
			   "kind: MachineConfig\n"
			   "metadata:\n"
			   "  labels:\n"
			   "    machineconfiguration.openshift.io/role: worker\n"
			   "  name: 99-worker-vfio-claim\n"
			   "spec:\n"
			   "  config:\n"
			   "    ignition:\n"
			   "      version: 3.2.0\n");
	r = add_files(ret_text, exports);
	if (kargs->count > 0)
		text_add(ret_text, "  kernelArguments:\n");
	for (size_t i = 0; r == 0 && i < kargs->count; i++) {
		text_add(ret_text, "    - ");
		r = quote_yaml(ret_text, kargs->items[i]);
		text_add(ret_text, "\n");
	}
	return r;
}
