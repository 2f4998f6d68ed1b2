-- What is left of a suggestion when its beginning was typed. All of it is read from the current buffer: while keys wait,
-- nothing tells us of those before them. Rows and columns are 0-based, columns and lengths in bytes.

local M = {}

local OPENER = "[%(%[{]"
local CLOSER = "[%)%]}]"
local CLOSERS = "^[%)%]}\"'`]*$"
local PAIRED = "[%(%[{\"'`]"

-- Where a suggestion stands: to be taken before anything is typed along it.
function M.place(row, col)
  local line = vim.api.nvim_buf_get_lines(0, row, row + 1, true)[1]
  return {
    row = row,
    col = col,
    before = line:sub(1, col),
    after = line:sub(col + 1),
    line_count = vim.api.nvim_buf_line_count(0),
  }
end

-- What was typed since at the place, and the text behind the cursor; nil when other text has changed as well.
local function typed_since(place)
  local at = vim.api.nvim_win_get_cursor(0)
  local row, col = at[1] - 1, at[2]
  local more = vim.api.nvim_buf_line_count(0) - place.line_count
  if row - place.row ~= more or more < 0 or (more == 0 and col < place.col) then
    return nil
  end
  local lines = vim.api.nvim_buf_get_lines(0, place.row, row + 1, true)
  local behind = lines[#lines]:sub(col + 1)
  if lines[1]:sub(1, place.col) ~= place.before then
    return nil
  end
  lines[#lines] = lines[#lines]:sub(1, col)
  lines[1] = lines[1]:sub(place.col + 1)
  return table.concat(lines, "\n"), behind
end

-- The rest of `text` behind `typed`; nil when `typed` is something else, or all of it.
local function rest_of(text, typed)
  if #typed < #text and text:sub(1, #typed) == typed then
    return text:sub(#typed + 1)
  end
  return nil
end

-- Whether `added` is what an editor types by itself behind `typed`: at most a closer for every bracket and quote.
local function is_added(added, typed)
  local _, most = typed:gsub(PAIRED, "")
  return #added <= most and added:match(CLOSERS) ~= nil
end

-- How many of the closers `added` behind the cursor `rest` brings by itself, so that they must go when it is inserted.
local function doubled_by(rest, added)
  local count, depth = 0, 0
  for character in rest:gmatch("[%(%)%[%]{}\"'`]") do
    if character:match(OPENER) then
      depth = depth + 1
    elseif character:match(CLOSER) and depth > 0 then
      depth = depth - 1
    elseif character == added:sub(count + 1, count + 1) then
      count = count + 1
    elseif character:match(CLOSER) then
      break
    end
  end
  return count
end

-- What is left of the suggestion `text` of a place, and the number of closers behind the cursor that it brings too. Nil
-- when something else was typed, or all of it.
function M.left_over(place, text)
  local typed, behind = typed_since(place)
  local rest = typed and rest_of(text, typed)
  local length = rest and #behind - #place.after
  if not rest or length < 0 or behind:sub(length + 1) ~= place.after then
    return nil
  end
  local added = behind:sub(1, length)
  if not is_added(added, typed) then
    return nil
  end
  return rest, doubled_by(rest, added)
end

-- Inserts `rest` at the cursor, in the place of the `doubled` bytes behind it, and puts the cursor behind it.
function M.insert(rest, doubled)
  local lines = vim.split(rest, "\n", { plain = true })
  local at = vim.api.nvim_win_get_cursor(0)
  local row, col = at[1] - 1, at[2]
  vim.api.nvim_buf_set_text(0, row, col, row, col + doubled, lines)
  local last = #lines == 1 and col + #lines[1] or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines, last })
end

return M
