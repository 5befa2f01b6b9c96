// The page of an analysis, tools/convert/analysis.html: the mark in it stands for the data.
#pragma once
#include <string_view>

namespace octet {
extern const std::string_view kAnalysisPage;
}
