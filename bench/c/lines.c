/* lines N: writes N bytes as lines of 100 bytes, 65,500 bytes at a time. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char block[65500];
	long long left = argc > 1 ? atoll(argv[1]) : 0;
	memset(block, 'x', sizeof block);
	for (size_t i = 99; i < sizeof block; i += 100)
		block[i] = '\n';
	while (left > 0) {
		size_t want = left < (long long)sizeof block ? (size_t)left : sizeof block;
		ssize_t n = write(1, block, want);
		if (n <= 0)
			return 1;
		left -= n;
	}
	return 0;
}
