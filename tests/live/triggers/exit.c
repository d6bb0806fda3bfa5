// SPDX-License-Identifier: Apache-2.0
/* Lives as shortly as a program can. */
int main(void) { return 0; }
