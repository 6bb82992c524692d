# SPDX-License-Identifier: GPL-2.0-or-later
# Packer: a cloud image with vfio-claim baked in. Packer boots the image, uploads package and
# configuration, and runs one shell provisioner in it.
#
#     packer build -var image=debian-13.qcow2 -var package=vfio-claim.deb -var config=gpu.conf .

variable "image" {
  type        = string
  description = "The cloud image to begin with, a file or a URL."
}

variable "image_checksum" {
  type    = string
  default = "none"
}

variable "package" {
  type        = string
  description = "The Debian package of vfio-claim."
}

variable "config" {
  type        = string
  description = "The configuration: which devices are claimed."
}

variable "seed" {
  type        = list(string)
  default     = ["user-data", "meta-data"]
  description = "What lets ssh_username in: cloud-init's files for the disk `cidata`."
}

variable "ssh_username" {
  type    = string
  default = "debian"
}

variable "ssh_private_key_file" {
  type    = string
  default = "id_ed25519"
}

source "qemu" "host" {
  iso_url              = var.image
  iso_checksum         = var.image_checksum
  disk_image           = true
  format               = "qcow2"
  headless             = true
  ssh_username         = var.ssh_username
  ssh_private_key_file = var.ssh_private_key_file
  cd_files             = var.seed
  cd_label             = "cidata"
  shutdown_command     = "sudo shutdown -P now"
}

build {
  sources = ["source.qemu.host"]

  provisioner "file" {
    source      = var.package
    destination = "/tmp/vfio-claim.deb"
  }

  provisioner "file" {
    source      = var.config
    destination = "/tmp/vfio-claim.conf"
  }

  # The hardware of the machine that Packer boots is not the hardware that the image is for:
  # hence `apply --root /`, which looks at no hardware.
  provisioner "shell" {
    execute_command = "sudo sh -eux '{{ .Path }}'"
    script          = "${path.root}/provision.sh"
  }
}
