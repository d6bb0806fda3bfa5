// SPDX-License-Identifier: Apache-2.0
#include "app/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "engine/nearest_name.h"

namespace assay::app {
namespace {

namespace po = boost::program_options;

po::options_description describe(std::span<const OptionRow> rows, bool listed_only) {
    constexpr unsigned kWidth = 100;
    po::options_description described(kWidth, kWidth / 2);
    for (const OptionRow& row : rows) {
        if (listed_only && !row.listed) {
            continue;
        }
        std::string name(row.name);
        if (row.letter != 0) {
            name += {',', row.letter};
        }
        const std::string meaning(row.meaning);
        if (row.value.empty()) {
            described.add_options()(name.c_str(), meaning.c_str());
        } else {
            described.add_options()(
                name.c_str(),
                po::value<std::vector<std::string>>()->value_name(std::string(row.value)),
                meaning.c_str());
        }
    }
    return described;
}

std::string without_dashes(std::string_view name) {
    const std::size_t first = name.find_first_not_of('-');
    const std::size_t equals = name.find('=');
    return first == std::string_view::npos ? std::string{}
                                           : std::string(name.substr(first, equals - first));
}

std::unexpected<Error> unknown_option(std::string_view typed, std::span<const OptionRow> rows) {
    std::vector<std::string_view> names;
    for (const OptionRow& row : rows) {
        names.push_back(row.name);
    }
    // A beginning is the commonest slip: --dur for --duration.
    const std::string wanted = without_dashes(typed);
    const auto begun = std::ranges::find_if(names, [&](std::string_view name) {
        return wanted.size() > 1 && name.starts_with(wanted);
    });
    const std::string_view nearest =
        begun != names.end() ? *begun : engine::nearest_name(wanted, names);
    if (nearest.empty()) {
        return fail(fmt::format("unknown option '{}'", typed));
    }
    return fail(fmt::format("unknown option '{}', did you mean --{}?", typed, nearest));
}

std::unexpected<Error> explain(const po::invalid_syntax& problem) {
    const std::string name = "--" + without_dashes(problem.get_option_name());
    switch (problem.kind()) {
        case po::invalid_syntax::missing_parameter:
        case po::invalid_syntax::empty_adjacent_parameter:
            return fail(fmt::format("{} needs a value", name));
        case po::invalid_syntax::extra_parameter:
            return fail(fmt::format("{} takes no value", name));
        default:
            return fail(fmt::format("cannot read the option {}", name));
    }
}

}  // namespace

std::optional<std::string> Options::text(std::string_view name) const {
    const auto found = given_.find(name);
    if (found == given_.end() || found->second.empty()) {
        return std::nullopt;
    }
    return found->second.back();
}

std::vector<std::string> Options::all(std::string_view name) const {
    const auto found = given_.find(name);
    return found == given_.end() ? std::vector<std::string>{} : found->second;
}

std::vector<std::string> Options::names() const {
    std::vector<std::string> names;
    for (const auto& [name, values] : given_) {
        names.push_back(name);
    }
    return names;
}

std::vector<std::string> Options::list(std::string_view name) const {
    std::vector<std::string> parts;
    for (const std::string& value : all(name)) {
        std::size_t begin = 0;
        while (true) {
            const std::size_t comma = value.find(',', begin);
            parts.push_back(value.substr(begin, comma - begin));
            if (comma == std::string::npos) {
                break;
            }
            begin = comma + 1;
        }
    }
    return parts;
}

Result<Options> parse_options(std::span<const OptionRow> rows,
                              std::span<const std::string> arguments) {
    namespace style = po::command_line_style;
    Options options;
    try {
        const po::options_description described = describe(rows, false);
        po::command_line_parser parser(
            std::vector<std::string>(arguments.begin(), arguments.end()));
        parser.options(described).style(style::allow_long | style::long_allow_next |
                                        style::long_allow_adjacent | style::allow_short |
                                        style::short_allow_next | style::allow_dash_for_short);
        parser.allow_unregistered();
        const auto parsed = parser.run();
        for (const auto& option : parsed.options) {
            if (option.position_key >= 0) {
                return fail(fmt::format("unexpected argument '{}'", option.value.front()));
            }
            if (option.unregistered) {
                return unknown_option(option.original_tokens.front(), rows);
            }
            const auto row = std::ranges::find(rows, option.string_key, &OptionRow::name);
            auto& values = options.given_[option.string_key];
            if (row->value.empty()) {
                continue;
            }
            if (!values.empty() && !row->repeated) {
                return fail(fmt::format("--{} is given twice", option.string_key));
            }
            // Boost takes whatever comes next for the value once it lets unknown options pass.
            if (option.original_tokens.size() > 1 && option.value.front().starts_with("--")) {
                return fail(fmt::format("--{} needs a value", option.string_key));
            }
            values.insert(values.end(), option.value.begin(), option.value.end());
        }
    } catch (const po::invalid_syntax& problem) {
        return explain(problem);
    } catch (const po::error_with_option_name& problem) {
        return fail(
            fmt::format("cannot read the option --{}", without_dashes(problem.get_option_name())));
    } catch (const po::error& problem) {
        return fail(fmt::format("cannot read the options ({})", problem.what()));
    }
    return options;
}

std::string options_help(std::span<const OptionRow> rows) {
    std::ostringstream text;
    text << describe(rows, true);
    return std::move(text).str();
}

}  // namespace assay::app
