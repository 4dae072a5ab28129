// Stands in for the .cu files in a build without CUDA kernels.
#include "kernels/accumulate.h"
#include "kernels/bias.h"
#include "kernels/device.h"
#include "kernels/dropout.h"
#include "kernels/merge.h"
#include "kernels/rows.h"

#include <stdexcept>

namespace ringattn::kernels {
namespace {

[[noreturn]] void refuse() { throw std::runtime_error("this build has no CUDA kernels (RINGATTN_CUDA)"); }

}  // namespace

bool have_cuda_kernels() { return false; }
std::vector<DeviceFacts> cuda_devices() { return {}; }
std::string cuda_driver_version() { return ""; }

void merge_partial_cuda(const MergeShape&, const MergeView&, const MergeView&, void*) { refuse(); }
void finish_rows_cuda(const MergeShape&, const MergeView&, const MergeView&, double, void*) { refuse(); }
void join_rows_cuda(const MergeShape&, const MergeView&, const MergeView&, const MergeView&, double, void*) {
  refuse();
}
void accumulate_rows_cuda(const MergeShape&, const AccumulateView&, const AccumulateView&, double, void*) { refuse(); }
void multiply_rows_cuda(const MergeShape&, const AccumulateView&, const AccumulateView&, double, void*) { refuse(); }
void copy_stretch_cuda(const RowStretch&, void*) { refuse(); }
void reach_peers_cuda() { refuse(); }
void pack_rows_cuda(const PackShape&, const void*, const std::int64_t*, void*, void*) { refuse(); }
void mark_link_cuda(const std::shared_ptr<LinkClock>&, void*) { refuse(); }
void wait_for_link_cuda(const std::shared_ptr<LinkClock>&, std::int64_t, void*) { refuse(); }
void fill_bias_cuda(const BiasFill&, void*) { refuse(); }

template <typename T>
void drop_weights_cuda(T*, const DropShape&, const std::int64_t*, const std::int64_t*, const DropoutRule&, void*) {
  refuse();
}
template void drop_weights_cuda<float>(float*, const DropShape&, const std::int64_t*, const std::int64_t*,
                                       const DropoutRule&, void*);
template void drop_weights_cuda<double>(double*, const DropShape&, const std::int64_t*, const std::int64_t*,
                                        const DropoutRule&, void*);

}  // namespace ringattn::kernels
