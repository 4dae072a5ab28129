#pragma once

#include "legacy/catalogue.h"

#include <span>

// The tables of the catalogue, one a file: data alone.

namespace ringattn::legacy {

std::span<const CatalogueEntry> catalogue_of_bases();
std::span<const CatalogueEntry> catalogue_of_first_rings();
std::span<const CatalogueEntry> catalogue_of_v2();
std::span<const CatalogueEntry> catalogue_of_x_rings();
std::span<const CatalogueEntry> catalogue_of_hybrids();
std::span<const CatalogueEntry> catalogue_of_wrappers();
std::span<const CatalogueEntry> catalogue_of_hilbert();
std::span<const CatalogueEntry> catalogue_of_hilbert_hybrids();
std::span<const CatalogueEntry> catalogue_of_hilbert_kernels();
std::span<const CatalogueEntry> catalogue_of_new_variants();

}  // namespace ringattn::legacy
