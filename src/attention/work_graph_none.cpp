// Stands in for work_graph.cpp in a build without CUDA, where no tensor is on a GPU.
#include "attention/work_graph.h"

#include <stdexcept>

namespace ringattn {
namespace {

[[noreturn]] void refuse() { throw std::logic_error("CUDA graph: this build has no CUDA"); }

}  // namespace

struct GraphMemory::Impl {};
GraphMemory::GraphMemory(const c10::Device& /*device*/, Urgency /*urgency*/) { refuse(); }
GraphMemory::~GraphMemory() = default;

struct WorkGraph::Impl {};
WorkGraph::WorkGraph(GraphMemory& /*memory*/, const std::function<void()>& /*queue*/) { refuse(); }
WorkGraph::~WorkGraph() = default;
WorkGraph::WorkGraph(WorkGraph&&) noexcept = default;
WorkGraph& WorkGraph::operator=(WorkGraph&&) noexcept = default;
void WorkGraph::launch() const { refuse(); }

}  // namespace ringattn
