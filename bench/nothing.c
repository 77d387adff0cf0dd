/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that does nothing: what is left is the launch. */
int main(void)
{
	return 0;
}
