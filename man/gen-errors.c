/* Prints the table of carve-errors(7) from ERR_TABLE, for scdoc. */
#include <stdio.h>

#include "base/err.h"

int main(void)
{
	puts("[[ *name*\n:] *exit*\n:] *HTTP*\n:[ *retry*\n:[ *meaning*");
#define X(code, name, exit_status, http_status, retry, meaning)                                    \
	printf("|  %s\n:  %d\n:  %d\n:  %s\n:  %s\n", name, exit_status, http_status,              \
	       (retry) ? "yes" : "no", meaning);
	ERR_TABLE(X)
#undef X
	return 0;
}
