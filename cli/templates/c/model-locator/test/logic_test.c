#include <assert.h>

#include "logic.h"

int main(void) {
    uint64_t values;
    assert(values_in(8, &values) && values == 2);
    assert(values_in(0, &values) && values == 0);
    assert(!values_in(9, &values));
}
