# SPDX-License-Identifier: GPL-2.0-or-later
# For `packer init` of Packer 1.7 and later. Older ones have the builder inside and do not know
# this block: leave the file out there.
packer {
  required_plugins {
    qemu = {
      version = ">= 1.0.0"
      source  = "github.com/hashicorp/qemu"
    }
  }
}
