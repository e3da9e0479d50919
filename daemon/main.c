/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manager.h"

int main(int argc, char **argv)
{
	return kprobed_main(argc, argv);
}
