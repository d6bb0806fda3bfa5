// SPDX-License-Identifier: Apache-2.0
// A program that lives about a millisecond.
int main(void) { return 0; }
