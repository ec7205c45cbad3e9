/* What pages load. See assets.h. */
#include "board/web/assets.h"

#define HASH_LENGTH 16

const struct asset *asset_find(struct slice path, bool *ret_current)
{
    static const struct slice prefix = {(const uint8_t *)"/assets/", 8};
    if (!slice_starts(path, prefix))
        return NULL;
    struct slice rest = slice_sub(path, prefix.n, path.n);
    struct slice hash;
    if (!slice_next_field(&rest, '/', &hash) || hash.n != HASH_LENGTH)
        return NULL;
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        if (slice_eq_str(rest, assets[i].name)) {
            *ret_current = slice_eq_str(hash, assets[i].hash);
            return &assets[i];
        }
    }
    return NULL;
}
