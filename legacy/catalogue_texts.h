#pragma once

#include <string_view>

// Sentences that several entries of the catalogue share.

namespace ringattn::legacy::text {

// CatalogueEntry::intended_why

constexpr std::string_view as_in_one_process =
    "what the class computes in one process, with causality by position and each key counted once";
constexpr std::string_view heads_put_right =
    "the class attends over heads at one position, because positions and heads never changed places; put right, that "
    "is DilatedAttention's function";
constexpr std::string_view lists_ignored =
    "what the class computes in one process; segment_lengths and dilation_rates are ignored";
constexpr std::string_view identity_up_to_64 = "up to 64 rows, where the map is the identity, it is DilatedAttention";

// The same, where there is no intended function

constexpr std::string_view never_returned = "it never returned a value";
constexpr std::string_view permuted_before_cutting =
    "the sequence is permuted as a whole before segments are cut; no axis says so";
constexpr std::string_view permuted_at_random =
    "the sequence is permuted as a whole, at random unless n is a power of two";
constexpr std::string_view kernel_alone =
    "a kernel with projections of its own, one segment length and one rate; no pattern over several pairs is meant";

// CatalogueEntry::condition

constexpr std::string_view always = "always";
constexpr std::string_view whole_segments =
    "always; the released class wanted n to be a multiple of the largest w and of every other, and at least one head a "
    "pair";
constexpr std::string_view rates_divide_segments =
    "always; the released class agrees where nothing is causal and r divides w";
constexpr std::string_view rates_divide_segments_or_one =
    "always; the released class agrees where nothing is causal and r divides w (or w >= n)";
constexpr std::string_view no_wrapped_slot =
    "always; the released class agrees where nothing is causal and o + r(ceil(l / r) - 1) < l for every segment of l "
    "rows";
constexpr std::string_view own_row_order = "always; the released class agrees in no row order but its own";
constexpr std::string_view no_longer_segments =
    "always; the released class agrees where nothing is causal, r divides w, and w <= n (longer ones gave 0)";
constexpr std::string_view spans_of_classes =
    "always; the released class agrees where nothing is causal, and raised where r - 1 exceeded a span; rows past the "
    "sum of all w are 0";
constexpr std::string_view lengths_as_reach =
    "with each w replaced by the reach (w - 1) r + 1 of its rows, as the configuration here does; the released class "
    "left out pairs with w > n";

// CatalogueEntry::extra_dropout

constexpr std::string_view outputs_dropped = "outputs, with the same probability";
constexpr std::string_view projected_outputs_dropped = "outputs after the projection, with the same probability";

// CatalogueEntry::race

constexpr std::string_view one_buffer =
    "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced with separate "
    "buffers";
constexpr std::string_view second_hop = "from three ranks on, which chunk a rank sees is decided by a race";

// ShippedBehaviour::what

constexpr std::string_view heads_mixed =
    "attends over the heads of a group at one position: positions and heads are never exchanged";
constexpr std::string_view triangle_over_heads = "the triangle is laid over heads and does not fit";
constexpr std::string_view triangle_over_all_heads =
    "the triangle crosses positions with heads and does not fit unless n is the number of heads; then row p sees the "
    "first p + 1 heads";
constexpr std::string_view future_by_slot =
    "the causal triangle runs over key slots instead of positions: with r > 1 rows see the future";
constexpr std::string_view wrapped_slot =
    "where r does not divide a segment the last slot wraps round to another residue class";
constexpr std::string_view later_segments_raise = "any segment but the first raises";
constexpr std::string_view unknown_keywords = "the ring passes on keywords that nobody takes";
constexpr std::string_view no_sendrecv = "the first rotation calls torch.distributed.sendrecv, which does not exist";
constexpr std::string_view cache_lacks_method = "the pattern cache has no such method";
constexpr std::string_view sums_as_results =
    "segments and dilation are ignored, and sums that were not normalised are merged as if they were";
constexpr std::string_view map_leaves_grid =
    "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 rows most are lost";
constexpr std::string_view maximum_by_key = "weights take a maximum per key over a block of queries: no softmax";

constexpr std::string_view keys_overwritten =
    "from the first hop on, keys are overwritten by values: K = V = the previous rank's V";

}  // namespace ringattn::legacy::text
