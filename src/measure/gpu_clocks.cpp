#include "measure/gpu_clocks.h"

#include <fmt/format.h>

#include <array>
#include <dlfcn.h>
#include <utility>

namespace ringattn {
namespace {

/// The few functions of the management library that are used here, by name, so that nothing needs it at link time.
class ManagementLibrary {
 public:
  static const ManagementLibrary& get() {
    static const ManagementLibrary library;
    return library;
  }

  bool is_loaded() const { return loaded_; }
  bool device(unsigned index, void*& handle) const {
    return loaded_ && handle_of_ != nullptr && handle_of_(index, &handle) == 0;
  }
  unsigned clock(void* handle, unsigned type) const { return asked(clock_, handle, type); }
  unsigned clock_max(void* handle, unsigned type) const { return asked(clock_max_, handle, type); }
  unsigned temperature(void* handle) const { return asked(temperature_, handle, 0U); }
  unsigned power_mw(void* handle) const {
    unsigned value = 0;
    return power_ != nullptr && power_(handle, &value) == 0 ? value : 0;
  }
  unsigned long long reasons(void* handle) const {
    unsigned long long value = 0;
    return reasons_ != nullptr && reasons_(handle, &value) == 0 ? value : 0;
  }
  std::string driver() const {
    std::array<char, 96> text{};
    const bool known = loaded_ && driver_ != nullptr && driver_(text.data(), static_cast<unsigned>(text.size())) == 0;
    return known ? text.data() : "";
  }

 private:
  using Typed = int (*)(void*, unsigned, unsigned*);

  ManagementLibrary() {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const auto find = [&]<typename F>(F& function, const char* name) {
      function = reinterpret_cast<F>(dlsym(library, name));  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
    };
    int (*start)() = nullptr;
    find(start, "nvmlInit_v2");
    find(handle_of_, "nvmlDeviceGetHandleByIndex_v2");
    find(clock_, "nvmlDeviceGetClockInfo");
    find(clock_max_, "nvmlDeviceGetMaxClockInfo");
    find(temperature_, "nvmlDeviceGetTemperature");
    find(power_, "nvmlDeviceGetPowerUsage");
    find(reasons_, "nvmlDeviceGetCurrentClocksThrottleReasons");
    find(driver_, "nvmlSystemGetDriverVersion");
    loaded_ = start != nullptr && start() == 0;
  }

  static unsigned asked(Typed function, void* handle, unsigned type) {
    unsigned value = 0;
    return function != nullptr && function(handle, type, &value) == 0 ? value : 0;
  }

  bool loaded_ = false;
  int (*handle_of_)(unsigned, void**) = nullptr;
  Typed clock_ = nullptr;
  Typed clock_max_ = nullptr;
  Typed temperature_ = nullptr;
  int (*power_)(void*, unsigned*) = nullptr;
  int (*reasons_)(void*, unsigned long long*) = nullptr;
  int (*driver_)(char*, unsigned) = nullptr;
};

constexpr unsigned kSmClock = 1;
constexpr unsigned kMemoryClock = 2;

/// Bits of the library's clock event reasons; 1 (no work) and 2 (as an application asked) are no throttling.
constexpr std::pair<unsigned long long, const char*> kReasons[] = {
    {0x4, "power cap"},         {0x8, "hardware slowdown"},     {0x10, "sync boost"},    {0x20, "thermal"},
    {0x40, "hardware thermal"}, {0x80, "hardware power brake"}, {0x100, "display clock"}};

}  // namespace

std::optional<GpuClocks> gpu_clocks(unsigned device) {
  const ManagementLibrary& library = ManagementLibrary::get();
  void* handle = nullptr;
  if (!library.device(device, handle)) return std::nullopt;
  GpuClocks clocks{.sm_mhz = library.clock(handle, kSmClock),
                   .sm_mhz_max = library.clock_max(handle, kSmClock),
                   .memory_mhz = library.clock(handle, kMemoryClock),
                   .temperature_c = library.temperature(handle),
                   .power_w = 1e-3 * library.power_mw(handle)};
  const unsigned long long reasons = library.reasons(handle);
  for (const auto& [bit, name] : kReasons)
    if ((reasons & bit) != 0) clocks.throttled_by.emplace_back(name);
  return clocks;
}

std::string gpu_driver_version() { return ManagementLibrary::get().driver(); }

std::string to_text(const GpuClocks& c) {
  const std::string held =
      c.throttled_by.empty() ? "not throttled" : fmt::format("throttled by {}", fmt::join(c.throttled_by, ", "));
  return fmt::format("SM {} of {} MHz, memory {} MHz, {} C, {:.0f} W, {}", c.sm_mhz, c.sm_mhz_max, c.memory_mhz,
                     c.temperature_c, c.power_w, held);
}

}  // namespace ringattn
