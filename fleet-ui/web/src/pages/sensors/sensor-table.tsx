import type { Sensor } from '@bulkhead/fleet-api';
import { Button, Checkbox } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import {
  createColumnHelper,
  flexRender,
  getCoreRowModel,
  getPaginationRowModel,
  getSortedRowModel,
  useReactTable,
  type RowSelectionState,
  type SortingState,
} from '@tanstack/react-table';
import { useState } from 'react';
import { statusQuery, wholeStatus } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { counted } from '../../text/number-words.ts';
import { BulkBar } from './bulk-bar.tsx';
import { rowFacts, type SensorRow } from './row-facts.ts';
import { ClockCell, ConfigCell, FeedCell, LossCell, NameCell, SeenCell, StateCell } from './sensor-cells.tsx';
import { standingOf } from './standing.ts';

const PAGE_SIZE = 50;
/** Live events tell of changes at once; this is for what no event tells, e.g. growing losses. */
const LOOK_MS = 15_000;

const column = createColumnHelper<SensorRow>();
const COLUMNS = [
  column.accessor(({ sensor }) => sensor.name, {
    id: 'name',
    header: 'Sensor',
    cell: ({ row }) => <NameCell row={row.original} />,
  }),
  column.accessor(({ sensor, healthy }) => standingOf(sensor, undefined, healthy).order, {
    id: 'state',
    header: 'State',
    cell: ({ row }) => <StateCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.group?.name ?? '', { id: 'group', header: 'Group' }),
  column.accessor(({ sensor }) => sensor.version ?? '', { id: 'version', header: 'Version' }),
  column.accessor(
    ({ facts }) => (facts === undefined || facts.received === 0 ? 0 : facts.lost / facts.received),
    {
      id: 'loss',
      header: 'Loss',
      cell: ({ row }) => <LossCell row={row.original} />,
    },
  ),
  column.accessor(({ facts }) => facts?.feed ?? '', {
    id: 'feed',
    header: 'Feed',
    cell: ({ row }) => <FeedCell row={row.original} />,
  }),
  column.accessor(({ clockMs }) => Math.abs(clockMs ?? 0), {
    id: 'clock',
    header: 'Clock',
    cell: ({ row }) => <ClockCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.config.state, {
    id: 'config',
    header: 'Configuration',
    cell: ({ row }) => <ConfigCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.lastSeen ?? '', {
    id: 'seen',
    header: 'Last seen',
    cell: ({ row }) => <SeenCell row={row.original} />,
  }),
];

/** Sensors as a table that can be sorted and acted on together. */
export function SensorTable({ sensors }: { sensors: readonly Sensor[] }) {
  const [sorting, setSorting] = useState<SortingState>([{ id: 'state', desc: false }]);
  const [selection, setSelection] = useState<RowSelectionState>({});
  const mayOperate = useMay('sensors.operate');
  const mayConfigure = useMay('sensors.configure');
  const may = mayOperate || mayConfigure;
  const rows = useRows(sensors);
  // The table keeps its state by itself; the compiler of React is not used here.
  const table = useReactTable({
    data: rows,
    columns: COLUMNS,
    state: { sorting, rowSelection: selection },
    initialState: { pagination: { pageSize: PAGE_SIZE } },
    getRowId: ({ sensor }) => sensor.id,
    enableRowSelection: may,
    onSortingChange: setSorting,
    onRowSelectionChange: setSelection,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
    getPaginationRowModel: getPaginationRowModel(),
    autoResetPageIndex: false,
  });
  const chosen = table.getSelectedRowModel().rows.map(({ original }) => original.sensor);
  return (
    <>
      {chosen.length > 0 && <BulkBar sensors={chosen} clear={() => setSelection({})} />}
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Sensors">
        <table className="table sensors">
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id}>
                {may && (
                  <th scope="col">
                    <Checkbox
                      aria-label="Choose all of this page"
                      checked={table.getIsAllPageRowsSelected()}
                      indeterminate={table.getIsSomePageRowsSelected()}
                      onChange={table.getToggleAllPageRowsSelectedHandler()}
                    />
                  </th>
                )}
                {group.headers.map((header) => {
                  const sorted = header.column.getIsSorted();
                  return (
                    <th
                      key={header.id}
                      scope="col"
                      aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
                    >
                      <button
                        type="button"
                        className="sort"
                        onClick={header.column.getToggleSortingHandler()}
                      >
                        {flexRender(header.column.columnDef.header, header.getContext())}
                        <span aria-hidden="true">
                          {sorted === 'asc' ? ' ↑' : sorted === 'desc' ? ' ↓' : ''}
                        </span>
                      </button>
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {table.getRowModel().rows.map((row) => (
              <tr key={row.id} aria-selected={may ? row.getIsSelected() : undefined}>
                {may && (
                  <td>
                    <Checkbox
                      aria-label={`Choose ${row.original.sensor.name}`}
                      checked={row.getIsSelected()}
                      onChange={row.getToggleSelectedHandler()}
                    />
                  </td>
                )}
                {row.getVisibleCells().map((cell) => (
                  <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="pager">
        <span className="quiet">{counted(sensors.length, 'sensor')}</span>
        {table.getPageCount() > 1 && (
          <>
            <Button
              size="xs"
              variant="default"
              disabled={!table.getCanPreviousPage()}
              onClick={() => table.previousPage()}
            >
              Back
            </Button>
            <span className="quiet">
              Page {table.getState().pagination.pageIndex + 1} of {table.getPageCount()}
            </span>
            <Button
              size="xs"
              variant="default"
              disabled={!table.getCanNextPage()}
              onClick={() => table.nextPage()}
            >
              On
            </Button>
          </>
        )}
      </div>
    </>
  );
}

/** Asks for the status of those that are there; of the others nothing new can be known. */
function useRows(sensors: readonly Sensor[]): SensorRow[] {
  const asked = sensors.filter(({ attached }) => attached).slice(0, 4 * PAGE_SIZE);
  return useQueries({
    queries: asked.map(({ id }) => ({ ...statusQuery(id), refetchInterval: LOOK_MS, staleTime: LOOK_MS })),
    combine: (answers) => {
      const known = new Map(asked.map(({ id }, index) => [id, answers[index]?.data]));
      return sensors.map((sensor): SensorRow => {
        const answer = known.get(sensor.id);
        const status = answer?.status === undefined ? undefined : wholeStatus(answer.status);
        return {
          sensor,
          facts: status === undefined ? undefined : rowFacts(status),
          healthy: status?.healthy,
          clockMs: answer?.link.clockDifferenceMs,
        };
      });
    },
  });
}
