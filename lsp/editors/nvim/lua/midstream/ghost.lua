-- Ghost text for one buffer: asks when the user types or moves in insert mode, shows the answer at the cursor, keeps
-- it in step with what is typed along it, and inserts it.

local along = require("midstream.along")

local M = {}

local METHOD = "textDocument/inlineCompletion"
local DEBOUNCE_MS = 40
local NEW = vim.fn.has("nvim-0.11") == 1 -- from here on a client's functions are methods
local INLINE = vim.fn.has("nvim-0.10") == 1 -- virtual text may push the rest of the line aside

local namespace = vim.api.nvim_create_namespace("midstream")

-- By buffer: client_id, timer, request (id), and of the suggestion that is shown: its whole text, command and place, and
-- shown, what is left of it.
local states = {}

local function client_of(state)
  return vim.lsp.get_client_by_id(state.client_id)
end

local function request(client, ...)
  if NEW then
    return client:request(...)
  end
  return client.request(...)
end

local function cancel(state)
  local client = state.request and client_of(state)
  if client and NEW then
    client:cancel_request(state.request)
  elseif client then
    client.cancel_request(state.request)
  end
  state.request = nil
end

local function cursor()
  local at = vim.api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2]
end

local function clear(bufnr)
  local state = states[bufnr]
  if state then
    state.text, state.command, state.shown = nil, nil, nil
  end
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

-- Chunks for the cursor's line: the ghost, and behind it the rest of the line where it would be covered.
local function first_line(bufnr, row, col, text)
  local rest = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, true)[1]:sub(col + 1)
  local chunks = { { text, "MidstreamGhost" } }
  if rest ~= "" and not INLINE then
    table.insert(chunks, { rest, "Normal" })
  end
  return chunks
end

local function show(bufnr, row, col, text)
  states[bufnr].shown = text
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  local tab = string.rep(" ", vim.bo[bufnr].tabstop)
  local lines = vim.split((text:gsub("\t", tab)), "\n", { plain = true })
  local below = {}
  for i = 2, #lines do
    table.insert(below, { { lines[i] == "" and " " or lines[i], "MidstreamGhost" } })
  end
  vim.api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
    virt_text = first_line(bufnr, row, col, lines[1]),
    virt_text_pos = INLINE and "inline" or "overlay",
    virt_lines = #below > 0 and below or nil,
    hl_mode = "combine",
  })
end

-- As along.left_over, of the buffer's suggestion.
local function left_over(bufnr)
  local state = states[bufnr]
  if not state or not state.text then
    return nil
  end
  return along.left_over(state.place, state.text)
end

-- True when the text typed since the suggestion came is its beginning; what is left stays shown.
local function typed_along(bufnr)
  local rest = left_over(bufnr)
  if not rest then
    return false
  end
  local row, col = cursor()
  show(bufnr, row, col, rest)
  return true
end

local function answered(bufnr, tick, row, col)
  return function(err, result)
    local state = states[bufnr]
    if err or not state or vim.api.nvim_get_current_buf() ~= bufnr or vim.fn.mode():sub(1, 1) ~= "i" then
      return
    end
    local now_row, now_col = cursor()
    if tick ~= vim.api.nvim_buf_get_changedtick(bufnr) or row ~= now_row or col ~= now_col then
      return
    end
    state.request = nil
    local item = result and (result.items or result)[1]
    if not item then
      return clear(bufnr)
    end
    state.text = type(item.insertText) == "table" and item.insertText.value or item.insertText
    state.command, state.place = item.command, along.place(row, col)
    show(bufnr, row, col, state.text)
  end
end

-- Asks now. Automatic requests are answered by the server's deadline; asked for by the user, they may take longer.
function M.ask(bufnr, invoked)
  local state = states[bufnr]
  local client = state and client_of(state)
  if not client or not client.server_capabilities or not client.server_capabilities.inlineCompletionProvider then
    return
  end
  cancel(state)
  local row, col = cursor()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = invoked and 1 or 2 }
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local sent, id = request(client, METHOD, params, answered(bufnr, tick, row, col), bufnr)
  state.request = sent and id or nil
end

local function moved(bufnr)
  local state = states[bufnr]
  if vim.api.nvim_get_current_buf() ~= bufnr or vim.fn.pumvisible() == 1 then
    return clear(bufnr)
  end
  if not typed_along(bufnr) then
    clear(bufnr)
  end
  state.timer:stop()
  state.timer:start(DEBOUNCE_MS, 0, vim.schedule_wrap(function()
    if states[bufnr] and vim.api.nvim_get_current_buf() == bufnr and vim.fn.mode():sub(1, 1) == "i" then
      M.ask(bufnr, false)
    end
  end))
end

local function left(bufnr)
  local state = states[bufnr]
  state.timer:stop()
  cancel(state)
  clear(bufnr)
end

local function detach(bufnr)
  local state = states[bufnr]
  if state then
    left(bufnr)
    state.timer:close()
    states[bufnr] = nil
  end
end

function M.attach(bufnr, client_id)
  if states[bufnr] then
    states[bufnr].client_id = client_id
    return
  end
  states[bufnr] = { client_id = client_id, timer = vim.loop.new_timer() }
  vim.api.nvim_set_hl(0, "MidstreamGhost", { link = "Comment", default = true })
  local group = vim.api.nvim_create_augroup("midstream_" .. bufnr, { clear = true })
  local function on(events, handler)
    vim.api.nvim_create_autocmd(events, {
      group = group,
      buffer = bufnr,
      callback = function()
        handler(bufnr)
      end,
    })
  end
  on({ "InsertEnter", "TextChangedI", "CursorMovedI" }, moved)
  on({ "InsertLeave", "BufLeave" }, left)
  on({ "BufUnload" }, detach)
end

-- Inserts at the cursor what is left of the suggestion, as one step of undo, and tells the server. False when none is
-- shown, or when something else was typed.
function M.accept()
  local bufnr = vim.api.nvim_get_current_buf()
  local rest, doubled = left_over(bufnr)
  if not rest then
    return false
  end
  local state = states[bufnr]
  local command = state.command
  cancel(state)
  clear(bufnr)
  along.insert(rest, doubled)
  local client = client_of(state)
  if client and command then
    local params = { command = command.command, arguments = command.arguments }
    request(client, "workspace/executeCommand", params, function() end, bufnr)
  end
  return true
end

function M.shown()
  local state = states[vim.api.nvim_get_current_buf()]
  return state and state.shown or nil
end

return M
